import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bringUpArray } from '../../src/backend/hosts/arrays';
import type { CreateDisk } from '../../src/backend/hosts/control';
import { createDisk } from '../../src/backend/hosts/disks';
import { readDisks, writeVmRecord } from '../../src/backend/hosts/records';
import type { Dom0Shell } from '../../src/backend/hosts/shell';
import { systemClock } from '../../src/backend/system';
import { ARRAY, CALM, CLAIM, machine } from './dom0';
import { localShell, missingTools } from './localShell';

const MIB = 1024 * 1024;
const record = { vm: 'db1', vmUuid: '11111111-1111-4222-8333-444444444444', disk: 'root', generation: 1, sizeBytes: 4 * MIB };
const nothing = () => undefined;

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(os.tmpdir(), 'pxen-disks-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function golden(bytes: number, first = 'GOLD'): Promise<string> {
  const file = path.join(await folder(), 'golden.raw');
  await writeFile(file, Buffer.concat([Buffer.from(first, 'latin1'), Buffer.alloc(bytes - first.length, 7)]));
  return file;
}

const tools = missingTools('mkdir', 'dd', 'ln', 'fallocate', 'sha256sum', 'find', 'grep', 'sync', 'stat', 'truncate');

/** Each behaviour holds for the lab's commands and for this machine's own. */
const places: readonly [string, boolean, () => Promise<{ shell: Dom0Shell; mount: string }>][] = [
  [
    'a simulated dom0',
    true,
    async () => {
      const at = machine();
      await bringUpArray(at.shell, ARRAY, CLAIM, systemClock, CALM);
      return { shell: at.shell, mount: ARRAY.mount };
    },
  ],
  [
    `this machine's coreutils${tools === '' ? '' : ` (skipped: ${tools})`}`,
    tools === '',
    async () => {
      const mount = await folder();
      return { shell: asIfMountedAt(mount, localShell()), mount };
    },
  ],
];

/** Mounting takes root: of what is mounted this tells a tale. */
function asIfMountedAt(target: string, shell: Dom0Shell): Dom0Shell {
  const table = JSON.stringify({ filesystems: [{ target: '/', source: 'overlay', fstype: 'overlay' }, { target, source: '/dev/md127', fstype: 'ext4' }] });
  return {
    host: shell.host,
    execute: (command, signal, options) => (command[0] === 'findmnt' ? Promise.resolve({ code: 0, stdout: table, stderr: '' }) : shell.execute(command, signal, options)),
  };
}

describe.each(places)('on %s', (_name, present, place) => {
  describe.skipIf(!present)('a disk', () => {
    const make = async (request: Partial<CreateDisk> = {}) => {
      const { shell, mount } = await place();
      const create = (more: Partial<CreateDisk> = {}) => createDisk(shell, { mount, record, ...request, ...more }, nothing, CALM);
      const size = async () => (await shell.execute(['stat', '--format=%s', `${mount}/pxen/vms/db1/root.raw`], CALM)).stdout.trim();
      return { shell, mount, create, size };
    };

    it('is made blank, of its whole size, with its record', async () => {
      const { create, size, shell, mount } = await make();
      await create();
      expect(await size()).toBe(String(4 * MIB));
      expect(await readDisks(shell, mount, CALM)).toEqual({ records: [record], strange: [] });
    });

    it('is made from a golden image and grown to its size', async () => {
      const { create, size, shell, mount } = await make({ sourceFile: await golden(3 * MIB) });
      const told: number[] = [];
      await createDisk(shell, { mount, record: { ...record, disk: 'data' }, sourceFile: await golden(3 * MIB) }, (bytes) => told.push(bytes), CALM);
      await create();
      expect(await size()).toBe(String(4 * MIB));
      expect(told.at(-1)).toBe(3 * MIB);
      expect((await shell.execute(['cat', `${mount}/pxen/vms/db1/root.raw`], CALM)).stdout.startsWith('GOLD')).toBe(true);
    });

    it('is never made over one that exists, with or without a record', async () => {
      const { create, shell, mount } = await make();
      await create();
      await expect(create()).rejects.toThrow('node1: could not make');
      await shell.execute(['rm', `${mount}/pxen/vms/db1/root.json`], CALM);
      await expect(create()).rejects.toThrow('a disk of that name is there already. PXEN never overwrites a disk.');
      expect((await readDisks(shell, mount, CALM)).strange).toEqual([`${mount}/pxen/vms/db1/root.raw`]);
    });

    it('is refused a golden image that is larger than itself, and leaves no disk', async () => {
      const { create, shell, mount } = await make({ sourceFile: await golden(5 * MIB) });
      await expect(create()).rejects.toThrow('its source holds 5242880 bytes, and the disk has 4194304. Give the disk a larger size in the VM’s spec.');
      expect(await readDisks(shell, mount, CALM)).toEqual({ records: [], strange: [] });
    });

    it('says which golden image it misses', async () => {
      const { create } = await make({ sourceFile: '/nowhere/debian-13.raw' });
      await expect(create()).rejects.toThrow('could not read the golden image /nowhere/debian-13.raw');
    });

    it.each(['dd', 'fallocate', 'sync', 'mv', 'ln'])('does not exist when %s fails on the way, and is made at the next try', async (program) => {
      const { shell, mount, create } = await make();
      const broken: Dom0Shell = {
        host: shell.host,
        execute: (command, signal, options) =>
          command[0] === program ? Promise.resolve({ code: 1, stdout: '', stderr: `${program}: Input/output error` }) : shell.execute(command, signal, options),
      };
      await expect(createDisk(broken, { mount, record }, nothing, CALM)).rejects.toThrow('Input/output error');
      expect((await readDisks(shell, mount, CALM)).records).toEqual([]);
      await create();
      expect(await readDisks(shell, mount, CALM)).toEqual({ records: [record], strange: [] });
    });

    it('gets a dated copy of its VM’s spec, and another only when the spec changed', async () => {
      const { shell, mount, create } = await make();
      await create();
      const write = (specText: string, at: string) => writeVmRecord(shell, { mount, vm: 'db1', specText, at }, CALM);
      await write('kind: VM\n', '2026-11-23T12:00:00.000Z');
      await write('kind: VM\n', '2026-11-24T12:00:00.000Z');
      await write('kind: VM\nvcpus: 2\n', '2026-11-25T12:00:00.000Z');
      const found = await shell.execute(['find', `${mount}/pxen/vms/db1`, '-mindepth', '1', '-maxdepth', '1', '-type', 'f', '-name', 'spec-*'], CALM);
      expect(found.stdout.trim().split('\n').sort()).toEqual([`${mount}/pxen/vms/db1/spec-2026-11-23T12:00:00.000Z.yaml`, `${mount}/pxen/vms/db1/spec-2026-11-25T12:00:00.000Z.yaml`]);
    });
  });
});

describe('where nothing is mounted', () => {
  it.each([
    ['a VM’s disk', (shell: Dom0Shell) => createDisk(shell, { mount: '/srv/pxen/nas', record }, nothing, CALM), 'make disk root of VM db1'],
    ['a copy of its spec', (shell: Dom0Shell) => writeVmRecord(shell, { mount: '/srv/pxen/nas', vm: 'db1', specText: 'kind: VM\n', at: '2026-11-23T12:00:00.000Z' }, CALM), 'write the spec of VM db1'],
  ])('%s is refused: it would lie in dom0’s memory until the next boot', async (_what, write, tried) => {
    const at = machine();
    await bringUpArray(at.shell, ARRAY, CLAIM, systemClock, CALM);
    const before = at.paths();
    await expect(write(at.shell)).rejects.toMatchObject({ kind: 'refused', sentence: `node1: could not ${tried}: nothing is mounted at /srv/pxen/nas` });
    expect(at.paths()).toEqual(before);
    expect(at.lines.some((line) => line.startsWith('mkdir') && line.includes('/srv/pxen/nas'))).toBe(false);
  });
});

describe('a golden image in qcow2', () => {
  it('is unpacked on the host, whatever its file is called', async () => {
    const at = machine();
    await bringUpArray(at.shell, ARRAY, CLAIM, systemClock, CALM);
    const header = Buffer.alloc(32);
    header.write('QFI\xfb', 'latin1');
    header.writeBigUInt64BE(BigInt(2 * MIB), 24);
    await createDisk(at.shell, { mount: ARRAY.mount, record, sourceFile: await golden(64 * 1024, header.toString('latin1')) }, nothing, CALM);
    expect(at.lines.some((line) => line.startsWith('qemu-img convert -f qcow2 -O raw'))).toBe(true);
    expect(at.paths().filter((file) => file.includes('/db1/'))).toEqual(['/srv/r0/pxen/vms/db1/root.json', '/srv/r0/pxen/vms/db1/root.raw']);
  });
});
