/**
 * What hosts offer and what VMs need, in whole numbers. These are definitions, not algorithms: the formulation, the
 * checker and the explanations all read them here, so that they can only disagree about arithmetic, never about meaning.
 */

import type { ArrayModel, HostModel, PlacementPolicy, VmModel } from '../drive/model';
import type { Inventory } from './inputs';

const KIB = 1024;
const MIB = 1024 * KIB;

export interface HostCapacity {
  readonly available: boolean;
  /** Why it is unavailable, in words. */
  readonly cause?: string;
  /** Thousandths of a vCPU: CPUs × overcommit − reserve. */
  readonly milliCpus: number;
  /** Memory for VMs: what the host has without dom0's reserve. Never overcommitted. */
  readonly memoryBytes: number;
}

export interface VolumeCapacity {
  readonly usable: boolean;
  readonly cause?: string;
  readonly capacityBytes: number;
  readonly bandwidthBps: number;
  /** Infinite when the spec doesn't say. */
  readonly iops: number;
}

/** A measured number of the inventory goes before the one in the spec. */
export function hostCapacity(host: HostModel, inventory: Inventory, policy: PlacementPolicy): HostCapacity {
  const found = own(inventory.hosts, host.name);
  const cpus = found?.cpus ?? host.cpus;
  const memoryBytes = found?.memoryBytes ?? host.memoryBytes;
  const available = found?.available ?? true;
  return {
    available,
    ...(available ? {} : { cause: found?.cause ?? 'it is not available' }),
    milliCpus: Math.max(0, Math.floor(cpus * policy.cpuOvercommit * 1000) - Math.ceil(host.reserve.cpus * 1000)),
    memoryBytes: Math.max(0, memoryBytes - host.reserve.memoryBytes),
  };
}

/**
 * A degraded array gives half its bandwidth and IOPS: a mirror reads from one half, RAID 4/5/6 must rebuild what it reads,
 * and the resync takes its share (md(4), "recovery" and sync_speed_max).
 */
export function arrayCapacity(host: HostModel, array: ArrayModel, inventory: Inventory): VolumeCapacity {
  const found = own(own(inventory.hosts, host.name)?.arrays ?? {}, array.name);
  const degraded = found?.degraded ?? false;
  const refused = degraded && array.degraded === 'never';
  const usable = (found?.usable ?? true) && !refused;
  const derate = degraded ? 2 : 1;
  const cause = found?.cause ?? (refused ? "it is degraded, which its spec doesn't allow" : "it can't be used");
  return {
    usable,
    ...(usable ? {} : { cause }),
    capacityBytes: found?.capacityBytes ?? array.capacityBytes,
    bandwidthBps: Math.floor(array.bandwidthBps / derate),
    iops: array.iops === undefined ? Infinity : Math.floor(array.iops / derate),
  };
}

/**
 * Memory Xen must find to start the VM, bytes: the VM's own, 1 MiB a vCPU and 8 KiB a MiB for page tables and shadow, and
 * 1 MiB (PV) or 2 MiB (PVH, HVM) for the domain itself, rounded up to 2 MiB (libxl: libxl__domain_need_memory_calculate,
 * libxl_get_required_shadow_memory). Debian's PV guests need no shadow; it is counted all the same, so that a start never
 * fails for want of it.
 */
export function vmMemoryNeed(vm: VmModel): number {
  const mebibytes = Math.ceil(vm.memoryBytes / MIB);
  const shadow = vm.vcpus * MIB + mebibytes * 8 * KIB;
  const domain = vm.boot.type === 'pv' ? MIB : 2 * MIB;
  return Math.ceil((mebibytes * MIB + shadow + domain) / (2 * MIB)) * 2 * MIB;
}

/** How many devices of this kind a host has, or a VM takes. */
export function deviceCount({ devices = {} }: Pick<HostModel, 'devices'>, kind: string): number {
  return own(devices, kind) ?? 0;
}

/** The kinds of devices that any of these has or takes, in order. */
export function deviceKinds(owners: readonly Pick<HostModel, 'devices'>[]): string[] {
  return [...new Set(owners.flatMap(({ devices = {} }) => Object.keys(devices)))].sort();
}

export function vmMilliCpus(vm: VmModel): number {
  return Math.ceil(vm.vcpus * 1000);
}

/** The names of a disk in plans, inventories and the lock file. */
export function diskKey(vm: string, disk: string): string {
  return `${vm}/${disk}`;
}

/** What a record holds under a name that a user chose: `constructor` is a fine name for a VM. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
