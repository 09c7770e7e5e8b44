/** util-linux, mdadm and mount of a simulated dom0. Messages are worded as mdadm 4.4 and util-linux 2.41 word them. */

import type { HardwareArray } from '../hardware';
import { exists } from './paths';
import { type Dom0Command, type Dom0Context, type Ended, fails, parseWords, prints, UsageError } from './command';
import type { Disk, RunningMd, StoredArray } from './state';

/** How long mdadm and mount take, in the lab's time. */
const ASSEMBLE_MS = 80;
const MOUNT_MS = 40;

export const BLOCK_COMMANDS: Readonly<Record<string, Dom0Command>> = {
  lsblk: (words, { storage, memory }) => {
    const { values } = parseWords(words, { flags: ['--json', '--list', '--bytes'], values: ['--output'] });
    if (values.get('--output') !== 'NAME,PATH,PKNAME,TYPE,SERIAL,FSTYPE,UUID') throw new UsageError('these columns are not known to the lab');
    const disks = storage.disks.map((disk) => ({
      name: disk.name,
      path: `/dev/${disk.name}`,
      pkname: null,
      type: 'disk',
      serial: disk.serial,
      fstype: 'linux_raid_member',
      uuid: blkidForm(disk.array.hardware.uuid),
    }));
    const arrays = memory.arrays.filter(({ active }) => active).map(({ name, stored, members }) => ({
      name,
      path: `/dev/${name}`,
      pkname: members[0]?.name ?? null,
      type: stored.hardware.level,
      serial: null,
      fstype: 'ext4',
      uuid: stored.hardware.filesystemUuid,
    }));
    return prints(`${JSON.stringify({ blockdevices: [...disks, ...arrays] }, null, 3)}\n`);
  },

  findmnt: (words, { memory }) => {
    parseWords(words, { flags: ['--json', '--list', '--nofsroot'], values: ['--output'] });
    return prints(`${JSON.stringify({ filesystems: memory.mounts.map(({ target, source, type }) => ({ target, source, fstype: type })) }, null, 3)}\n`);
  },

  blkid: (words, { memory }) => {
    const [path = ''] = parseWords(words, { flags: ['--probe'], values: ['--output'] }).operands;
    const array = findMd(memory.arrays, path);
    if (array?.active !== true) return { code: 2, stdout: '', stderr: '' };
    return prints(`DEVNAME=${path}\nUUID=${array.stored.hardware.filesystemUuid}\nVERSION=1.0\nBLOCK_SIZE=4096\nTYPE=ext4\nUSAGE=filesystem\n`);
  },

  readlink: (words, { memory }) => {
    const [path = ''] = parseWords(words, { flags: ['--canonicalize'] }).operands;
    return prints(`${devicePath(findMd(memory.arrays, path)) ?? path}\n`);
  },

  mount: async (words, context) => {
    const { values, operands } = parseWords(words, { values: ['--types', '--options'] });
    const [source = '', target = ''] = operands;
    const options = (values.get('--options') ?? '').split(',');
    await context.pause(MOUNT_MS);
    return mount(context, { source, target, type: values.get('--types') ?? '', readOnly: options.includes('ro') });
  },

  umount: (words, { memory }) => {
    const [target = ''] = parseWords(words, {}).operands;
    const index = memory.mounts.findIndex((one) => one.target === target);
    if (index <= 0) return fails(32, `umount: ${target}: not mounted.`);
    memory.mounts.splice(index, 1);
    return prints('');
  },

  mdadm: (words, context) => {
    const [mode, ...rest] = words;
    switch (mode) {
      case '--detail':
        return rest[0] === '--scan' ? detailScan(context) : detailExport(context, rest);
      case '--assemble':
        return assemble(context, rest);
      case '--readwrite':
        return withMd(context, rest[0], (array) => {
          if (array.writable) return fails(1, `mdadm: failed to set writable for ${rest[0] ?? ''}: Device or resource busy`);
          array.writable = true;
          return prints('');
        });
      case '--stop':
        return withMd(context, rest[0], (array) => {
          if (context.memory.mounts.some(({ source }) => source === devicePath(array))) {
            return fails(1, `mdadm: Cannot get exclusive access to ${rest[0] ?? ''}:Perhaps a running process, mounted filesystem or active volume group?`);
          }
          context.memory.arrays.splice(context.memory.arrays.indexOf(array), 1);
          return { code: 0, stdout: '', stderr: `mdadm: stopped ${rest[0] ?? ''}\n` };
        });
      default:
        throw new UsageError(`unrecognized option '${mode ?? ''}'`);
    }
  },
};

function detailScan({ memory }: Dom0Context): Ended {
  return prints(memory.arrays.map(({ alias, active, stored }) => `${active ? '' : 'INACTIVE-'}ARRAY ${alias} metadata=1.2 UUID=${stored.hardware.uuid}\n`).join(''));
}

function detailExport(context: Dom0Context, words: readonly string[]): Ended {
  const { flags, operands } = parseWords(words, { flags: ['--export'] });
  if (!flags.has('--export')) throw new UsageError('the lab knows --detail with --scan or --export only');
  return withMd(context, operands[0], ({ stored, members, alias }) => {
    const { level, uuid, members: all, name } = stored.hardware;
    const lines = [
      `MD_LEVEL=${level}`,
      `MD_DEVICES=${all.length}`,
      'MD_METADATA=1.2',
      `MD_UUID=${uuid}`,
      `MD_DEVNAME=${alias.replace(/^\/dev\/md\//, '')}`,
      `MD_NAME=any:${name}`,
      ...members.flatMap((disk) => [`MD_DEVICE_dev_${disk.name}_ROLE=${all.indexOf(disk.serial)}`, `MD_DEVICE_dev_${disk.name}_DEV=/dev/${disk.name}`]),
    ];
    return prints(lines.map((line) => `${line}\n`).join(''));
  });
}

async function assemble(context: Dom0Context, words: readonly string[]): Promise<Ended> {
  const { memory, storage } = context;
  const { flags, values, operands } = parseWords(words, { flags: ['--readonly', '--no-degraded', '--run'], values: ['--uuid'] });
  const [alias = '', ...devices] = operands;
  const disks: Disk[] = [];
  for (const device of devices) {
    const disk = storage.disks.find(({ name }) => `/dev/${name}` === device);
    if (disk === undefined) return fails(1, `mdadm: cannot open device ${device}: No such file or directory`);
    if (memory.arrays.some(({ members }) => members.includes(disk))) return fails(1, `mdadm: ${device} is busy - skipping`);
    if (disk.array.hardware.uuid === values.get('--uuid')) disks.push(disk);
  }
  const [first] = disks;
  if (first === undefined) return fails(1, `mdadm: No super block found on ${devices.join(' ')}`);
  context.reachedArrays();
  await context.pause(ASSEMBLE_MS);
  const { hardware } = first.array;
  const missing = hardware.members.length - disks.length;
  const starts = missing === 0 || (missing <= redundancy(hardware) && flags.has('--run') && !flags.has('--no-degraded'));
  memory.arrays.push({ name: `md${127 - memory.arrays.length}`, alias, stored: first.array, members: disks, active: starts, writable: starts && !flags.has('--readonly') });
  if (!starts) return fails(1, `mdadm: ${alias} assembled from ${disks.length} drive${disks.length === 1 ? '' : 's'} - need all ${hardware.members.length} to start it (use --run to insist).`);
  return { code: 0, stdout: '', stderr: `mdadm: ${alias} has been started with ${disks.length} drive${disks.length === 1 ? '' : 's'}${missing === 0 ? '' : ` (out of ${hardware.members.length})`}.\n` };
}

/** How many members it can do without. */
function redundancy({ level, members }: HardwareArray): number {
  switch (level) {
    case 'raid0':
      return 0;
    case 'raid1':
      return members.length - 1;
    case 'raid6':
      return 2;
    case 'raid4':
    case 'raid5':
    case 'raid10':
      return 1;
  }
}

function mount({ memory, storage }: Dom0Context, { source, target, type, readOnly }: { source: string; target: string; type: string; readOnly: boolean }): Ended {
  if (!exists(memory, target)) return fails(32, `mount: ${target}: mount point does not exist.`);
  const add = (filesystem: StoredArray['filesystem'], from: string): Ended => {
    memory.mounts.push({ target, source: from, type: type === 'nfs' ? 'nfs4' : type, filesystem, writable: !readOnly });
    return prints('');
  };
  if (type === 'nfs') {
    const exported = storage.exports.get(source);
    return exported === undefined ? fails(32, `mount.nfs: access denied by server while mounting ${source}`) : add(exported, source);
  }
  const array = findMd(memory.arrays, source);
  const device = devicePath(array);
  if (array?.active !== true || device === undefined) return fails(32, `mount: ${target}: special device ${source} does not exist.`);
  if (type !== 'ext4') return fails(32, `mount: ${target}: wrong fs type, bad option, bad superblock on ${source}, missing codepage or helper program, or other error.`);
  if (memory.mounts.some((one) => one.source === device)) return fails(32, `mount: ${target}: ${source} already mounted.`);
  if (!array.writable && !readOnly) return fails(32, `mount: ${target}: cannot mount ${source} read-write, is write-protected.`);
  return add(array.stored.filesystem, device);
}

function withMd({ memory }: Dom0Context, path: string | undefined, use: (array: RunningMd) => Ended): Ended {
  const array = findMd(memory.arrays, path ?? '');
  return array === undefined ? fails(1, `mdadm: error opening ${path ?? ''}: No such file or directory`) : use(array);
}

function findMd(arrays: readonly RunningMd[], path: string): RunningMd | undefined {
  return arrays.find((array) => array.alias === path || devicePath(array) === path);
}

function devicePath(array: RunningMd | undefined): string | undefined {
  return array === undefined ? undefined : `/dev/${array.name}`;
}

/** mdadm writes `8:8:8:8` hexadecimal digits, blkid the dashes of a UUID. */
function blkidForm(mdUuid: string): string {
  const hex = mdUuid.replaceAll(':', '');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
