/** What a simulated machine consists of: disks that outlive a power cut, and a memory that doesn't. */

import type { Hardware, HardwareArray, Rack } from '../hardware';
import { fileOf, makeFolders, newFilesystem, type Filesystem } from './files';

export interface Disk {
  /** `sda`. */
  readonly name: string;
  readonly serial: string;
  /** The array it is a member of. */
  readonly array: StoredArray;
}

/** An array as its superblocks and filesystem tell of it. */
export interface StoredArray {
  readonly hardware: HardwareArray;
  readonly filesystem: Filesystem;
}

/** Stays when the power goes. */
export interface Storage {
  readonly disks: readonly Disk[];
  /** NFS servers' exports by source; shared by every machine of the rack. */
  readonly exports: ReadonlyMap<string, Filesystem>;
}

export interface RunningMd {
  /** `md127`. */
  readonly name: string;
  /** As it was assembled, `/dev/md/pxen-r0`. */
  readonly alias: string;
  readonly stored: StoredArray;
  readonly members: readonly Disk[];
  active: boolean;
  writable: boolean;
}

export interface MountPoint {
  readonly target: string;
  readonly source: string;
  readonly type: string;
  readonly filesystem: Filesystem;
  readonly writable: boolean;
}

export interface XenDomain {
  readonly id: number;
  readonly name: string;
  readonly uuid: string;
  readonly memoryMib: number;
  readonly vcpus: number;
  shuttingDown: boolean;
}

/** Gone when the power goes. */
export interface Memory {
  readonly bootId: string;
  readonly startedAt: number;
  readonly root: Filesystem;
  readonly arrays: RunningMd[];
  readonly mounts: MountPoint[];
  readonly domains: XenDomain[];
  nextDomainId: number;
}

export function exportsOf(rack: Rack): ReadonlyMap<string, Filesystem> {
  return new Map(rack.exports.map(({ source, capacityBytes }) => [source, newFilesystem(capacityBytes)]));
}

/** Disks as they come from the factory floor of the lab: arrays made and formatted, and empty but for a foreign owner's claim. */
export function storageOf(hardware: Hardware, exports: ReadonlyMap<string, Filesystem>): Storage {
  const disks = hardware.arrays.flatMap((array) => {
    const filesystem = newFilesystem(array.capacityBytes);
    if (array.foreignOwner !== undefined) {
      makeFolders(filesystem, '/pxen');
      filesystem.files.set('/pxen/array.json', fileOf(`${JSON.stringify({ driveId: array.foreignOwner, host: 'elsewhere', array: 'r9' })}\n`));
    }
    const stored = { hardware: array, filesystem };
    return array.present.map((serial) => ({ serial, array: stored }));
  });
  return { exports, disks: disks.map((disk, index) => ({ ...disk, name: `sd${String.fromCharCode(97 + (index % 26))}${index < 26 ? '' : Math.floor(index / 26)}` })) };
}

const ROOT_BYTES = 1024 * 1024 * 1024;

export function freshMemory(bootId: string, startedAt: number): Memory {
  const root = newFilesystem(ROOT_BYTES);
  for (const folder of ['/run', '/srv', '/tmp', '/dev', '/proc', '/sys', '/var/log/xen']) makeFolders(root, folder);
  return { bootId, startedAt, root, arrays: [], mounts: [{ target: '/', source: 'overlay', type: 'overlay', filesystem: root, writable: true }], domains: [], nextDomainId: 1 };
}
