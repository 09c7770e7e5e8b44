import { describe, expect, it } from 'vitest';
import type { ArrayModel, HostModel } from '../../src/backend/drive/model';
import { memberBytes } from '../../src/lab/qemu/disks';
import { loadOrder } from '../../src/lab/qemu/guest';
import { diskArguments, firmwareOf } from '../../src/lab/qemu/machine';

const MIB = 1 << 20;
const ARRAY: ArrayModel = { name: 'r0', uuid: 'a:b:c:d', level: 'raid1', members: ['A', 'B'], mount: '/srv/r0', capacityBytes: 600 * MIB, bandwidthBps: 1, degraded: 'allow' };

describe('disks of the QEMU lab', () => {
  it.each<[ArrayModel['level'], number, number]>([
    ['raid0', 2, 300],
    ['raid1', 2, 600],
    ['raid1', 3, 600],
    ['raid4', 3, 300],
    ['raid5', 4, 200],
    ['raid6', 4, 300],
    ['raid10', 4, 300],
  ])('%s of %i members: each holds %i MiB beside its metadata', (level, count, mebibytes) => {
    const members = Array.from({ length: count }, (_, index) => `S${index}`);
    expect(memberBytes({ ...ARRAY, level, members })).toBe((mebibytes + 16) * MIB);
  });

  it('are plugged in with their serial numbers, six to a controller', () => {
    const words = diskArguments(Array.from({ length: 8 }, (_, index) => ({ serial: `S${index}`, file: `/lab/a,b/${index}.raw` })));
    expect(words.filter((word) => word.startsWith('ide-hd'))).toEqual([
      ...[0, 1, 2, 3, 4, 5].map((port) => `ide-hd,drive=disk${port},serial=S${port},bus=ide.${port}`),
      'ide-hd,drive=disk6,serial=S6,bus=ahci1.0',
      'ide-hd,drive=disk7,serial=S7,bus=ahci1.1',
    ]);
    expect(words.filter((word) => word.startsWith('ahci'))).toEqual(['ahci,id=ahci1']);
    // A comma in a path is doubled for QEMU.
    expect(words).toContain('if=none,id=disk0,format=raw,cache=unsafe,file=/lab/a,,b/0.raw');
  });
});

describe('machines of the QEMU lab', () => {
  it.each([[{ firmware: 'uefi' }, 'uefi'], [{ firmware: 'bios' }, 'bios'], [{}, 'bios']] as const)('with labels %o start by %s', (labels, firmware) => {
    expect(firmwareOf({ labels } as unknown as HostModel)).toBe(firmware);
  });
});

describe("modules of the lab's guest", () => {
  const MODULES_DEP = [
    'kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz',
    'kernel/fs/jbd2/jbd2.ko.xz:',
    'kernel/drivers/block/xen-blkfront.ko.xz:',
    'kernel/drivers/net/xen-netfront.ko.xz: kernel/fs/jbd2/jbd2.ko.xz',
  ].join('\n');

  it('are loaded after what they need, each once', () => {
    expect(loadOrder(MODULES_DEP, ['xen-blkfront', 'ext4', 'xen-netfront'])).toEqual([
      'kernel/drivers/block/xen-blkfront.ko.xz',
      'kernel/fs/jbd2/jbd2.ko.xz',
      'kernel/fs/mbcache.ko.xz',
      'kernel/lib/crc16.ko.xz',
      'kernel/fs/ext4/ext4.ko.xz',
      'kernel/drivers/net/xen-netfront.ko.xz',
    ]);
  });

  it('that the kernel lacks are named', () => {
    expect(() => loadOrder(MODULES_DEP, ['xen-fbfront'])).toThrow("The image's kernel has no module xen-fbfront.");
  });
});
