/** What `lsblk` says of a host's block devices: which disk holds which part of which array. */

import { must, type Command, type Dom0Shell } from './shell';

export interface BlockDevice {
  /** `/dev/sda1`. */
  readonly path: string;
  readonly type: string;
  /** Of the disk itself, also for a partition; absent when the disk tells none. */
  readonly serial?: string;
  /** `linux_raid_member` for a part of an md array, then `uuid` is the array's. */
  readonly filesystem?: string;
  readonly uuid?: string;
}

/** Flat, so that an array's device is not repeated under each of its members (lsblk(8), `--list`). */
const LSBLK: Command = ['lsblk', '--json', '--list', '--bytes', '--output', 'NAME,PATH,PKNAME,TYPE,SERIAL,FSTYPE,UUID'];

export async function listBlockDevices(shell: Dom0Shell, signal: AbortSignal): Promise<readonly BlockDevice[]> {
  const printed = await must(shell, { command: LSBLK, tried: 'list the disks', remedy: 'Look at the host’s kernel log.' }, signal);
  return parseBlockDevices(printed);
}

interface LsblkRow {
  readonly name: string;
  readonly path: string;
  readonly pkname: string | null;
  readonly type: string;
  readonly serial: string | null;
  readonly fstype: string | null;
  readonly uuid: string | null;
}

/** Parses `lsblk --json` (util-linux 2.33 and later). A partition gets its disk's serial number. */
export function parseBlockDevices(printed: string): readonly BlockDevice[] {
  const { blockdevices } = JSON.parse(printed) as { readonly blockdevices: readonly LsblkRow[] };
  const byName = new Map(blockdevices.map((row) => [row.name, row]));
  return blockdevices.map((row) => {
    const disk = row.type === 'part' && row.pkname !== null ? byName.get(row.pkname) : row;
    const serial = (disk?.serial ?? row.serial ?? '').trim();
    return {
      path: row.path,
      type: row.type,
      ...(serial === '' ? {} : { serial }),
      ...(row.fstype === null ? {} : { filesystem: row.fstype }),
      ...(row.uuid === null ? {} : { uuid: row.uuid }),
    };
  });
}

/** The devices that carry a superblock of the array. */
export function membersOf(devices: readonly BlockDevice[], arrayUuid: string): readonly BlockDevice[] {
  return devices.filter((device) => device.filesystem === 'linux_raid_member' && device.uuid !== undefined && sameArrayUuid(device.uuid, arrayUuid));
}

/** mdadm prints `3aaa0122:29827cfa:…`, blkid `3aaa0122-2982-7cfa-…`: the same 16 bytes. */
export function sameArrayUuid(a: string, b: string): boolean {
  return hexDigits(a) === hexDigits(b);
}

function hexDigits(uuid: string): string {
  return uuid.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
}
