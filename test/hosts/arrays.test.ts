import { describe, expect, it } from 'vitest';
import { bringUpArray } from '../../src/backend/hosts/arrays';
import { systemClock, type Clock } from '../../src/backend/system';
import type { ArrayModel } from '../../src/backend/drive/model';
import { ARRAY, CALM, CLAIM, DRIVE_ID, machine, type Machine } from './dom0';

const GIB = 1024 ** 3;
const bringUp = (at: Machine, spec: Partial<ArrayModel> = {}, clock: Clock = systemClock) => bringUpArray(at.shell, { ...ARRAY, ...spec }, CLAIM, clock, CALM);
const record = { vm: 'db1', vmUuid: 'u1', disk: 'root', generation: 3, sizeBytes: GIB };

describe('bringing an array up', () => {
  it('assembles it read-only, looks at it, makes it writable, mounts it and writes down whose it is', async () => {
    const at = machine();
    expect(await bringUp(at)).toEqual({ status: { name: 'r0', state: 'clean', mounted: true }, capacityBytes: 10 * GIB, disks: [] });
    expect(JSON.parse(at.read('/srv/r0/pxen/array.json') ?? '')).toEqual({ driveId: DRIVE_ID, host: 'node1', array: 'r0' });
    const order = ['mdadm --assemble --readonly --no-degraded', 'mount --types ext4 --options ro,norecovery', 'umount', 'mdadm --readwrite', 'mount --types ext4 --options noatime'];
    const seen = at.lines.flatMap((line) => order.filter((start) => line.startsWith(start)));
    expect(seen).toEqual(order);
  });

  it('leaves a mounted array as it is', async () => {
    const at = machine();
    await bringUp(at);
    at.lines.length = 0;
    expect((await bringUp(at)).status).toEqual({ name: 'r0', state: 'clean', mounted: true });
    expect(at.lines.filter((line) => /^(mdadm --(assemble|stop|readwrite)|mount|umount|dd|mv) /.test(line))).toEqual([]);
  });

  it('knows an array that runs already under another name by its UUID', async () => {
    const at = machine();
    await at.shell.execute(['mdadm', '--assemble', '--readonly', '--no-degraded', `--uuid=${ARRAY.uuid}`, '/dev/md127', '/dev/sda', '/dev/sdb'], CALM);
    at.lines.length = 0;
    expect((await bringUp(at)).status.state).toBe('clean');
    expect(at.lines.some((line) => line.startsWith('mdadm --assemble'))).toBe(false);
  });

  it('stops one that was left waiting for a member and assembles it itself', async () => {
    const at = machine();
    await at.shell.execute(['mdadm', '--assemble', '--readonly', '--no-degraded', `--uuid=${ARRAY.uuid}`, '/dev/md127', '/dev/sda'], CALM);
    expect(at.memory.arrays[0]?.active).toBe(false);
    expect((await bringUp(at)).status).toEqual({ name: 'r0', state: 'clean', mounted: true });
  });

  it('finds the disks of an earlier boot', async () => {
    const at = machine();
    await bringUp(at);
    at.write('/srv/r0/pxen/vms/db1/root.json', `${JSON.stringify(record)}\n`);
    at.write('/srv/r0/pxen/vms/db1/root.raw', 'data');
    at.write('/srv/r0/pxen/vms/new1/root.json', `${JSON.stringify({ ...record, vm: 'new1' })}\n`);
    at.reboot();
    expect((await bringUp(at)).disks).toEqual([record]);
  });

  it('starts degraded when allowed, and says which disk to replace', async () => {
    const report = await bringUp(machine({ present: ['SN-A'] }));
    expect(report.status).toEqual({ name: 'r0', state: 'degraded', mounted: true, detail: 'The disk with serial number SN-B is missing. Replace the disk soon: another failure loses data.' });
  });

  it('touches nothing when degraded is not allowed', async () => {
    const at = machine({ present: ['SN-A'] });
    expect((await bringUp(at, { degraded: 'never' })).status).toMatchObject({ state: 'refused', mounted: false });
    expect(at.memory.arrays).toEqual([]);
  });

  it('waits for disks that are still spinning up before it calls one missing', async () => {
    const at = machine({ present: ['SN-A'] });
    at.uptimeSeconds = -3;
    const clock: Clock = {
      now: () => 0,
      after: (_ms, callback) => {
        at.uptimeSeconds += 1;
        queueMicrotask(callback);
        return () => undefined;
      },
    };
    expect((await bringUp(at, {}, clock)).status.state).toBe('degraded');
    expect(at.lines.filter((line) => line.startsWith('lsblk')).length).toBeGreaterThanOrEqual(4);
  });

  it('refuses an array of another drive without leaving a trace on it', async () => {
    const at = machine({ foreignOwner: '99999999-5f0a-4c0e-9d38-2f5b86a3c111' });
    const { filesystem } = at.storage.disks[0]!.array;
    const before = [...filesystem.files.keys()];
    expect((await bringUp(at)).status).toEqual({
      name: 'r0',
      state: 'refused',
      mounted: false,
      detail:
        'node1: could not use array r0: it belongs to another drive (99999999-5f0a-4c0e-9d38-2f5b86a3c111, where it is array r9 of host elsewhere). Boot it from that drive, or remove pxen/array.json on it if that drive is gone for good.',
    });
    expect([...filesystem.files.keys()]).toEqual(before);
    expect(at.memory.arrays).toEqual([]);
    expect(at.lines.some((line) => line.startsWith('mdadm --readwrite'))).toBe(false);
  });

  it('refuses one whose claim is damaged', async () => {
    const at = machine();
    await bringUp(at);
    at.write('/srv/r0/pxen/array.json', '{"driv');
    at.reboot();
    expect((await bringUp(at)).status).toMatchObject({ state: 'refused', detail: expect.stringContaining('does not say whose it is') as string });
  });

  it('takes an array that moved here with its disks', async () => {
    const at = machine();
    await bringUp(at);
    at.write('/srv/r0/pxen/array.json', JSON.stringify({ driveId: DRIVE_ID, host: 'node9', array: 'r5' }));
    at.reboot();
    expect((await bringUp(at)).status.state).toBe('clean');
    expect(JSON.parse(at.read('/srv/r0/pxen/array.json') ?? '')).toMatchObject({ host: 'node1', array: 'r0' });
  });

  it.each([
    ['another level', { level: 'raid10' as const }, 'It is a raid1, and its spec says raid10. Correct the spec.'],
    ['a member too many', { members: ['SN-A'] }, 'Its member /dev/sdb has serial number SN-B, which the spec does not list. Add it to the array’s members in the host’s spec, or take the disk out.'],
  ])('refuses one that has %s', async (_what, spec, detail) => {
    expect((await bringUp(machine(), spec)).status).toEqual({ name: 'r0', state: 'refused', mounted: false, detail });
  });

  it('refuses a mount point that something else uses', async () => {
    const at = machine();
    const { filesystem } = at.storage.disks[0]!.array;
    at.memory.mounts.push({ target: '/srv/r0', source: '/dev/sdz1', type: 'ext4', filesystem, writable: true });
    expect((await bringUp(at)).status.detail).toBe('/srv/r0 already holds /dev/sdz1. Unmount it, or give the array another mount in the spec.');
  });

  it('reports a failing command with the host, what was tried, what was said and what to do', async () => {
    const at = machine();
    at.broken.set(/^mount .*noatime/, 'mount: /srv/r0: wrong fs type, bad option, bad superblock on /dev/md127\n');
    expect((await bringUp(at)).status.detail).toBe(
      'node1: could not mount /dev/md127 (ext4 f0f0f0f0-1111-4222-8333-444444444444) at /srv/r0: mount ended with 1: mount: /srv/r0: wrong fs type, bad option, bad superblock on /dev/md127. Check the filesystem by hand while it is not mounted (fsck of ext4); PXEN never repairs one by itself.',
    );
  });

  it('never creates, formats, repairs or forces', async () => {
    for (const at of [machine(), machine({ present: ['SN-A'] }), machine({ present: [] })]) {
      await bringUp(at);
      expect(at.lines.filter((line) => /--create|--force|--zero-superblock|mkfs|fsck|wipefs|pvcreate/.test(line))).toEqual([]);
    }
  });
});
