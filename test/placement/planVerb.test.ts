import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlanJson } from '../../src/protocol';
import type { PlacementLock } from '../../src/backend/drive/state';
import { NO_MOVES } from '../../src/backend/placement/inputs';
import { openDriveState } from '../../src/backend/drive/stateStore';
import { systemClock, systemRandom } from '../../src/backend/system';
import type { VerbIo } from '../../src/backend/verbs/io';
import { NO_QUESTION, runPlan, type PlanOptions, type WhatIf } from '../../src/backend/verbs/plan';

const CLUSTER = `kind: Cluster
name: lab
network: {subnet: 10.77.0.0/24, server: 10.77.0.1}
boot: {image: dom0-1}
placement: {cpuOvercommit: 2}
storage:
  - {name: nas, type: nfs, source: "10.77.0.5:/vms", capacity: 1TiB, bandwidth: 400MB/s}
`;
const HOSTS = ['node1', 'node2']
  .map(
    (name, index) => `kind: Host
name: ${name}
macs: ["52:54:00:aa:00:0${index + 1}"]
address: 10.77.0.1${index + 1}
cpus: 4
memory: 10GiB
reserve: {cpus: 1, memory: 2GiB}
arrays:
  - {name: r0, uuid: "3aaa0122:29827cfa:5331ad66:ca76737${index}", level: raid1, members: [A${index}, B${index}], mount: /srv/r0, capacity: 100GiB, bandwidth: 200MB/s}
`,
  )
  .join('---\n');
const vm = (name: string, memory: string, extra = '') => `kind: VM
name: ${name}
vcpus: 2
memory: ${memory}
disks: [{name: root, size: 20GiB, bandwidth: 50MB/s}]
nics: [{bridge: xenbr0}]
boot: {type: pv, bootloader: pygrub}
${extra}`;

let drive: string;
beforeEach(async () => {
  drive = await mkdtemp(path.join(tmpdir(), 'pxen-plan-'));
  await mkdir(path.join(drive, 'hosts'));
  await mkdir(path.join(drive, 'vms'));
  await writeFile(path.join(drive, 'pxen.yaml'), CLUSTER);
  await writeFile(path.join(drive, 'hosts/all.host.yaml'), HOSTS);
});
afterEach(() => rm(drive, { recursive: true }));

describe('pxen plan', () => {
  it('prints hosts with their loads, VMs and actions, and exits 0 when all are placed', async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '4GiB', 'priority: 100\nplacement: {apart: [web1]}\n'), vm('web1', '2GiB', 'start: {after: [db1]}\n')].join('---\n'));
    const { code, out } = await run({ json: false });
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot('texts/all-placed.txt');
  });

  it('says why a VM is left out and exits 1', async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '7GiB', 'priority: 100\n'), vm('web1', '6GiB'), vm('web2', '6GiB'), vm('spare', '1GiB', 'start: {auto: false}\n')].join('---\n'));
    const { code, out } = await run({ json: false });
    expect(code).toBe(1);
    await expect(out).toMatchFileSnapshot('texts/left-out.txt');
  });

  it('prints one JSON document of the contract', async () => {
    await writeFile(path.join(drive, 'vms/db1.vm.yaml'), vm('db1', '4GiB'));
    const { code, out } = await run({ json: true });
    const plan = JSON.parse(out) as PlanJson;
    expect(code).toBe(0);
    expect(plan.assignments).toEqual({ db1: 'node1' });
    expect(plan.disks).toEqual({ 'db1/root': { host: 'node1', array: 'r0' } });
    expect(plan.actions.map(({ kind }) => kind)).toEqual(['create-disk', 'start']);
  });

  it('keeps a VM with the disk that the placement lock knows', async () => {
    await writeFile(path.join(drive, 'vms/db1.vm.yaml'), vm('db1', '4GiB'));
    const lock: PlacementLock = { assignments: { db1: 'node2' }, disks: { 'db1/root': { place: { host: 'node2', array: 'r0' }, generation: 1, sizeBytes: 20 * 2 ** 30 } } };
    await openDriveState(path.join(drive, 'state'), systemClock, systemRandom).writePlacement(lock);
    const plan = JSON.parse((await run({ json: true })).out) as PlanJson;
    expect(plan.assignments).toEqual({ db1: 'node2' });
    expect(plan.actions).toEqual([{ kind: 'start', vm: 'db1', host: 'node2', seconds: 5, after: [] }]);
  });

  it('tells the problems of an invalid drive and exits 2', async () => {
    await writeFile(path.join(drive, 'vms/db1.vm.yaml'), vm('db1', '4'));
    const text = await run({ json: false });
    expect(text.code).toBe(2);
    expect(text.out).toBe('');
    expect(text.err).toMatch(/^vms\/db1\.vm\.yaml:4:9: error /);
    const json = await run({ json: true });
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({ problems: [{ file: 'vms/db1.vm.yaml', line: 4 }] });
  });

  it('refuses a damaged placement lock instead of planning without it', async () => {
    await mkdir(path.join(drive, 'state'));
    await writeFile(path.join(drive, 'state/placement.json'), '{"assign');
    const { code, err } = await run({ json: false });
    expect(code).toBe(2);
    expect(err).toContain('placement.json');
  });

  it('answers what would be without a host, with more of a VM, and how many more fit', async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '5GiB'), vm('web1', '2GiB')].join('---\n'));
    const without = JSON.parse((await run({ json: true, whatIf: { without: ['node1'], more: [] } })).out) as PlanJson;
    expect(without.assignments).toEqual({ db1: 'node2', web1: 'node2' });
    const more = JSON.parse((await run({ json: true, whatIf: { without: [], more: ['web1=2'] } })).out) as PlanJson;
    expect(Object.keys(more.assignments).sort()).toEqual(['db1', 'web1', 'web1-2', 'web1-3']);
    // 7 of 8 GiB beside db1, 8 in all on the other host: 1 + 3 with Xen's share, and web1 is one of them.
    expect((await run({ json: false, whatIf: { without: [], more: [], howMany: 'web1' } })).out).toBe('3 more of web1 fit.\n');
    expect(await run({ json: false, whatIf: { without: ['node9'], more: [] } })).toMatchObject({ code: 2, err: 'This drive has no host named node9. It has: node1 and node2.\n' });
    expect(await run({ json: false, whatIf: { without: [], more: ['web1'] } })).toMatchObject({ code: 2, err: '"web1" doesn\'t say how many of which VM: write it as web1=3.\n' });
  });

  it("says of a host taken away which disks' data is lost with it, and that new ones are empty", async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '4GiB', 'placement: {on: [node2]}\n'), vm('web1', '2GiB'), vm('web2', '2GiB').replace('bandwidth: 50MB/s', '$&, source: "https://images.test/debian.raw"')].join('---\n'));
    const made = (host: string) => ({ place: { host, array: 'r0' }, generation: 1, sizeBytes: 20 * 2 ** 30 });
    await openDriveState(path.join(drive, 'state'), systemClock, systemRandom).writePlacement({
      assignments: { db1: 'node2', web1: 'node2', web2: 'node2' },
      disks: { 'db1/root': made('node2'), 'web1/root': made('node2'), 'web2/root': made('node2'), 'old/root': made('node2'), 'old/data': made('node1') },
    });
    const whatIf = { ...NO_QUESTION, without: ['node2'] };
    const text = await run({ json: false, whatIf });
    await expect(text.out).toMatchFileSnapshot('texts/without-host.txt');
    const diff = await run({ json: false, whatIf, show: { kind: 'diff' } });
    await expect(diff.out).toMatchFileSnapshot('texts/without-host-diff.txt');
    expect(Object.keys((JSON.parse((await run({ json: true, whatIf })).out) as PlanJson).lost ?? {}).sort()).toEqual(['db1/root', 'old/root', 'web1/root', 'web2/root']);
    expect(JSON.parse((await run({ json: true })).out)).not.toHaveProperty('lost');
  });

  describe('with disks that exist', () => {
    /** Both arrays hold 100 GiB: c fits only when one of the others makes room. */
    const specs = [vm('a', '1GiB', 'priority: 50\n'), vm('b', '1GiB', 'priority: 50\n'), vm('c', '1GiB')].join('---\n').replaceAll('20GiB', '45GiB').replace(/(name: c[\s\S]*?)45GiB/, '$190GiB');
    beforeEach(async () => {
      await writeFile(path.join(drive, 'vms/all.vm.yaml'), specs);
      const place = (host: string) => ({ place: { host, array: 'r0' }, generation: 1, sizeBytes: 45 * 2 ** 30 });
      await openDriveState(path.join(drive, 'state'), systemClock, systemRandom).writePlacement({ assignments: { a: 'node1', b: 'node2' }, disks: { 'a/root': place('node1'), 'b/root': place('node2') } });
    });

    it('moves one of them when that lets a VM in, tells how long it takes, and shows it as a diff', async () => {
      const { code, out } = await run({ json: false });
      expect(code).toBe(0);
      await expect(out).toMatchFileSnapshot('texts/moved.txt');
      const { out: diff } = await run({ json: false, show: { kind: 'diff' } });
      await expect(diff).toMatchFileSnapshot('texts/moved-diff.txt');
    });

    it('moves nothing when told so, and names moves as a remedy', async () => {
      const { code, out } = await run({ json: true, moves: NO_MOVES });
      const plan = JSON.parse(out) as PlanJson;
      expect(code).toBe(1);
      expect(plan.objective.bytesMoved).toBe(0);
      expect(plan.unplaced).toMatchObject([{ vm: 'c' }]);
      expect(plan.unplaced[0]?.remedies).toContain('allow moves of disks and of VMs that migrate live');
    });
  });

  it('tells why a VM is where it is', async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '5GiB', 'placement: {on: [node1]}\n'), vm('web1', '2GiB')].join('---\n'));
    expect((await run({ json: false, show: { kind: 'why', vm: 'db1' } })).out).toBe('db1 is on node1.\n  node2: it may run on node1 only\n');
    expect(JSON.parse((await run({ json: true, show: { kind: 'why', vm: 'web1' } })).out)).toMatchObject({ vm: 'web1', host: 'node2', why: [expect.stringMatching(/^node1: the largest load would be \d+ % instead of \d+ %$/)] });
  });

  it('answers what would be with a host or a VM from a file', async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '7GiB'), vm('web1', '7GiB')].join('---\n'));
    const more = path.join(drive, 'more.yaml');
    await writeFile(more, vm('big1', '6GiB'));
    expect((await run({ json: true, whatIf: { ...NO_QUESTION, with: [more] } })).code).toBe(1);
    const host = path.join(drive, 'node3.yaml');
    await writeFile(host, (HOSTS.split('---\n')[1] ?? '').replace('node2', 'node3').replace('00:02', '00:03').replace('.12', '.13').replace('ca767371', 'ca767373').replace('[A1, B1]', '[A2, B2]'));
    const { code, out, err } = await run({ json: true, whatIf: { ...NO_QUESTION, with: [more, host] } });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(Object.values((JSON.parse(out) as PlanJson).assignments).sort()).toEqual(['node1', 'node2', 'node3']);
  });

  it("takes a file's specs in place of the drive's own of the same kind and name", async () => {
    await writeFile(path.join(drive, 'vms/all.vm.yaml'), [vm('db1', '4GiB', 'placement: {on: [node1]}\n'), vm('web1', '2GiB')].join('---\n'));
    const changed = path.join(drive, 'changed.yaml');
    await writeFile(changed, [vm('db1', '9GiB'), CLUSTER.replace('name: lab', 'name: other'), (HOSTS.split('---\n')[1] ?? '').replace('10GiB', '20GiB')].join('---\n'));
    const { code, out, err } = await run({ json: true, whatIf: { ...NO_QUESTION, with: [changed] } });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect((JSON.parse(out) as PlanJson).assignments).toEqual({ db1: 'node2', web1: 'node1' });
  });

  it('tells problems of such a file at the path that was given, also where another file is blamed for them', async () => {
    await writeFile(path.join(drive, 'vms/db1.vm.yaml'), vm('db1', '4GiB'));
    const wrong = path.join(drive, 'wrong.yaml');
    await writeFile(wrong, vm('web1', '4'));
    expect((await run({ json: false, whatIf: { ...NO_QUESTION, with: [wrong] } })).err).toMatch(new RegExp(`^${wrong}:4:9: error `));
    const [twice, again] = [path.join(drive, 'a.yaml'), path.join(drive, 'b.yaml')];
    for (const file of [twice, again]) await writeFile(file, vm('web1', '4GiB'));
    const { code, out } = await run({ json: true, whatIf: { ...NO_QUESTION, with: [twice, again] } });
    const { problems } = JSON.parse(out) as { problems: { file: string; message: string }[] };
    expect(code).toBe(2);
    expect(problems.map(({ file }) => file)).toEqual([twice, again]);
    expect(problems[0]?.message).toContain(`${again}:2`);
    expect(out).not.toMatch(/what-if|u0000/);
  });

  it("refuses a file that can't be read, instead of planning without it", async () => {
    await writeFile(path.join(drive, 'vms/db1.vm.yaml'), vm('db1', '4GiB'));
    const { code, out, err } = await run({ json: false, whatIf: { ...NO_QUESTION, with: ['nowhere.yaml'] } });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^nowhere\.yaml can't be read: /);
  });

  it('writes nothing on the drive', async () => {
    await writeFile(path.join(drive, 'vms/db1.vm.yaml'), vm('db1', '4GiB'));
    const before = await readdir(drive, { recursive: true });
    await run({ json: false });
    expect(await readdir(drive, { recursive: true })).toEqual(before);
  });
});

async function run({ json, whatIf = NO_QUESTION, moves, show }: Pick<PlanOptions, 'json' | 'moves' | 'show'> & { whatIf?: WhatIf }): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const io: VerbIo = { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false, env: {}, signal: new AbortController().signal };
  const code = await runPlan({ drive, json, prove: false, whatIf, ...(moves === undefined ? {} : { moves }), ...(show === undefined ? {} : { show }) }, io);
  return { code, out, err };
}
