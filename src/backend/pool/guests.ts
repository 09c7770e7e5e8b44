/** What a VM of the model is to Xen: its UUID, its network cards, its files. */

import path from 'node:path';
import { deriveNicMac, deriveVmUuid } from '../drive/identity';
import type { ArrayModel, HostModel, PoolModel, VmModel } from '../drive/model';
import type { DomainBoot, DomainConfig } from '../hosts/control';
import { storageMount } from '../hosts/mounts';
import type { PoolEnvironment } from './environment';
import type { DiskPlace } from '../../protocol';
import type { DiskAtHost } from './machine';

/** The UUID of every VM, by name: the spec's, or the one that follows from the drive's id. */
export function vmUuids(model: PoolModel, driveId: string): Record<string, string> {
  return Object.fromEntries(model.vms.map(({ name, uuid }) => [name, uuid ?? deriveVmUuid(driveId, name)]));
}

/** Where a place is mounted on `host`. Throws when the host's spec has no such array. */
export function mountOf(host: HostModel, place: DiskPlace): string {
  if ('storage' in place) return storageMount({ name: place.storage });
  const array: ArrayModel | undefined = host.arrays.find(({ name }) => name === place.array);
  if (array === undefined || place.host !== host.name) throw new Error(`${host.name} has no array ${place.array}`);
  return array.mount;
}

export interface GuestSurroundings {
  /** The drive's folder: paths in specs are relative to it. */
  readonly driveFolder: string;
  readonly driveId: string;
  readonly environment: Pick<PoolEnvironment, 'standIn'>;
}

export function domainConfig(vm: VmModel, uuid: string, host: HostModel, disks: readonly DiskAtHost[], surroundings: GuestSurroundings): DomainConfig {
  return {
    name: vm.name,
    uuid,
    vcpus: vm.vcpus,
    memoryBytes: vm.memoryBytes,
    disks: disks.map(({ place, record }) => ({ mount: mountOf(host, place), record })),
    nics: vm.nics.map(({ bridge, mac }, index) => ({ bridge, mac: mac ?? deriveNicMac(surroundings.driveId, vm.name, index) })),
    boot: domainBoot(vm, surroundings),
  };
}

function domainBoot({ boot }: VmModel, { environment, driveFolder }: GuestSurroundings): DomainBoot {
  if (!('kernel' in boot)) return boot;
  const fileOf = (named: string) => environment.standIn?.(named) ?? path.resolve(driveFolder, named);
  const { type, kernel, ramdisk, cmdline } = boot;
  return {
    type,
    kernelFile: fileOf(kernel),
    ...(ramdisk === undefined ? {} : { ramdiskFile: fileOf(ramdisk) }),
    ...(cmdline === undefined ? {} : { cmdline }),
  };
}
