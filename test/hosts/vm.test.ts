import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bringUpArray } from '../../src/backend/hosts/arrays';
import type { DomainBoot, DomainConfig } from '../../src/backend/hosts/control';
import { powerOff } from '../../src/backend/hosts/power';
import { startVm, stopVm } from '../../src/backend/hosts/vm';
import { diskName, vmConfig } from '../../src/backend/hosts/vm-config';
import { listDomains } from '../../src/backend/hosts/domains';
import { systemClock } from '../../src/backend/system';
import { ARRAY, CALM, CLAIM, machine, type Machine } from './dom0';

const GIB = 1024 ** 3;
const disk = (name: string) => ({ mount: '/srv/r0', record: { vm: 'db1', vmUuid: 'u', disk: name, generation: 1, sizeBytes: GIB } });

const db1: DomainConfig = {
  name: 'db1',
  uuid: '11111111-1111-4222-8333-444444444444',
  vcpus: 4,
  memoryBytes: 8 * GIB,
  disks: [disk('root'), disk('data')],
  nics: [{ bridge: 'xenbr0', mac: '00:16:3e:11:22:33' }],
  boot: { type: 'pv', bootloader: 'pygrub' },
};

describe('an xl configuration', () => {
  const lines = (boot: DomainBoot, files?: Parameters<typeof vmConfig>[1]) => vmConfig({ ...db1, boot }, files);

  it('is written for a guest that boots from its own disk', () => {
    expect(lines({ type: 'pv', bootloader: 'pygrub' })).toBe(`name = "db1"
uuid = "11111111-1111-4222-8333-444444444444"
type = "pv"
vcpus = 4
memory = 8192
maxmem = 8192
bootloader = "pygrub"
disk = ["format=raw,vdev=xvda,access=rw,target=/srv/r0/pxen/vms/db1/root.raw", "format=raw,vdev=xvdb,access=rw,target=/srv/r0/pxen/vms/db1/data.raw"]
vif = ["mac=00:16:3e:11:22:33,bridge=xenbr0"]
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "restart"
`);
  });

  it('names kernel, ramdisk and command line where they lie on the host, and quotes what must be', () => {
    const written = lines({ type: 'pvh', kernelFile: '/k', cmdline: 'root=/dev/xvda1 note="a\\b"\n' }, { kernel: '/run/pxen/boot/k', ramdisk: '/run/pxen/boot/r' });
    expect(written).toContain('type = "pvh"');
    expect(written).toContain('kernel = "/run/pxen/boot/k"\nramdisk = "/run/pxen/boot/r"\ncmdline = "root=/dev/xvda1 note=\\"a\\\\b\\"\\x0a"\n');
  });

  it('lets a fully virtual guest boot from its disk, with a serial console', () => {
    expect(lines({ type: 'hvm' })).toContain('type = "hvm"\nvcpus = 4\nmemory = 8192\nmaxmem = 8192\nboot = "cn"\nserial = "pty"\n');
  });

  it('names disks as Xen does', () => {
    expect([0, 25, 26, 51, 52, 701, 702].map(diskName)).toEqual(['xvda', 'xvdz', 'xvdaa', 'xvdaz', 'xvdba', 'xvdzz', 'xvdaaa']);
  });
});

async function readyMachine(): Promise<Machine> {
  const at = machine();
  await bringUpArray(at.shell, ARRAY, CLAIM, systemClock, CALM);
  for (const name of ['root', 'data']) at.write(`/srv/r0/pxen/vms/db1/${name}.raw`, 'disk');
  return at;
}

describe('starting a VM', () => {
  it('is done when the hypervisor lists it', async () => {
    const at = await readyMachine();
    await startVm(at.shell, db1, CALM);
    expect(await listDomains(at.shell, CALM)).toEqual([{ name: 'db1', uuid: db1.uuid, id: 1, memoryBytes: 8 * GIB, vcpus: 4, state: 'running' }]);
  });

  it('is refused when its UUID is there under another name, or its name under another UUID', async () => {
    const at = await readyMachine();
    await startVm(at.shell, db1, CALM);
    await expect(startVm(at.shell, { ...db1, name: 'db1-copy' }, CALM)).rejects.toThrow('it is there already as domain 1 (running)');
    await expect(startVm(at.shell, { ...db1, uuid: '22222222-1111-4222-8333-444444444444' }, CALM)).rejects.toThrow(`another domain has its name (1, UUID ${db1.uuid})`);
    expect(await listDomains(at.shell, CALM)).toHaveLength(1);
  });

  it('tells what xl said when it fails', async () => {
    const at = await readyMachine();
    await expect(startVm(at.shell, { ...db1, memoryBytes: 64 * GIB }, CALM)).rejects.toThrow(
      'node1: could not start VM db1: xl ended with 1: Parsing config from /run/pxen/vms/db1.cfg; libxl: error: not enough free memory',
    );
  });

  it('notices a domain that ended at once, though xl create was content', async () => {
    const at = await readyMachine();
    const execute: typeof at.shell.execute = async (command, signal, options) => {
      const result = await at.shell.execute(command, signal, options);
      if (command[1] === 'create') at.memory.domains.length = 0;
      return result;
    };
    await expect(startVm({ ...at.shell, execute }, db1, CALM)).rejects.toThrow('xl create succeeded, and Xen does not list the domain');
  });

  it('sends a kernel once, however many VMs boot from it', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-kernel-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const kernelFile = path.join(folder, 'vmlinuz');
    await writeFile(kernelFile, 'a kernel');
    const at = await readyMachine();
    const boot = { type: 'pv', kernelFile } as const;
    await startVm(at.shell, { ...db1, boot }, CALM);
    await startVm(at.shell, { ...db1, name: 'db2', uuid: '22222222-1111-4222-8333-444444444444', boot }, CALM);
    expect(at.paths().filter((file) => file.startsWith('/run/pxen/boot/'))).toHaveLength(1);
    expect(at.lines.filter((line) => line.startsWith('dd of=/run/pxen/boot/'))).toHaveLength(1);
  });
});

describe('stopping a VM', () => {
  const fast = { ...systemClock, after: (_ms: number, callback: () => void) => (queueMicrotask(callback), () => undefined) };

  it('asks the guest and waits until it is gone', async () => {
    const at = await readyMachine();
    await startVm(at.shell, db1, CALM);
    await stopVm(at.shell, db1.uuid, { timeoutMs: 1000, force: false }, fast, CALM);
    expect(await listDomains(at.shell, CALM)).toEqual([]);
    expect(at.lines.some((line) => line.startsWith('xl destroy'))).toBe(false);
  });

  it('is content when it is not there', async () => {
    await stopVm((await readyMachine()).shell, db1.uuid, { timeoutMs: 1000, force: false }, fast, CALM);
  });

  it('leaves a guest that does not listen, unless force is asked for', async () => {
    const at = await readyMachine();
    await startVm(at.shell, db1, CALM);
    const deaf = { ...at.shell, execute: ((command, signal, options) => (command[1] === 'shutdown' ? Promise.resolve({ code: 0, stdout: '', stderr: '' }) : at.shell.execute(command, signal, options))) as typeof at.shell.execute };
    await expect(stopVm(deaf, db1.uuid, { timeoutMs: 0, force: false }, fast, CALM)).rejects.toThrow('could not shut down VM db1: it is still there after 0 s');
    expect(await listDomains(at.shell, CALM)).toHaveLength(1);
    await stopVm(deaf, db1.uuid, { timeoutMs: 0, force: true }, fast, CALM);
    expect(await listDomains(at.shell, CALM)).toEqual([]);
  });
});

describe('powering off', () => {
  it('is refused while a domain runs', async () => {
    const at = await readyMachine();
    await startVm(at.shell, db1, CALM);
    await expect(powerOff(at.shell, CALM)).rejects.toThrow('node1: could not power off: it still runs db1. Stop these first.');
    expect(at.switchedOff).toBe(false);
  });

  it('unmounts and stops the arrays first', async () => {
    const at = await readyMachine();
    await powerOff(at.shell, CALM);
    expect(at.memory.arrays).toEqual([]);
    expect(at.memory.mounts.map(({ target }) => target)).toEqual(['/']);
    expect(at.switchedOff).toBe(true);
  });

  it('leaves the machine on when an array can not be unmounted', async () => {
    const at = await readyMachine();
    at.broken.set(/^umount/, 'umount: /srv/r0: target is busy.');
    await expect(powerOff(at.shell, CALM)).rejects.toThrow('could not unmount /srv/r0: umount ended with 1: umount: /srv/r0: target is busy. Something still uses it: see lsof on the host.');
    expect(at.switchedOff).toBe(false);
  });
});
