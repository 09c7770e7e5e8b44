/**
 * From the model, the inventory and the previous placement to the narrow problem. The meaning of every hard constraint is
 * decided here:
 *
 * - A VM with `start.auto: false` isn't planned unless it runs already; its disks take their space all the same.
 * - What runs stays where it runs: it is a fact, whatever the specs have come to say since.
 * - A disk that exists stays where it is, and with it its VM; one on an array that can't be reached keeps its VM out.
 * - `apart` is symmetric. `together` joins VMs to groups: those of a group that run, run on one host.
 *
 * Everything is sorted by name first, so that the order of the drive's files can't matter.
 */

import type { ArrayModel, DiskModel, HostModel, PoolModel, SharedStorageModel, VmModel } from '../drive/model';
import type { DiskPlace } from '../../protocol';
import { arrayCapacity, diskKey, hostCapacity, own, vmMemoryNeed, vmMilliCpus, type HostCapacity, type VolumeCapacity } from './capacity';
import type { Inventory, PreviousPlacement } from './inputs';
import { at } from './packing';
import type { Problem } from './problem';

/** Rows of a host. */
export const CPU = 0;
export const MEMORY = 1;
const HOST_ROWS = 2;

/** Rows of a volume. */
export const SPACE = 0;
export const BANDWIDTH = 1;
export const IOPS = 2;
const VOLUME_ROWS = 3;

/** The problem, and what its numbers mean. */
export interface Formulation {
  readonly problem: Problem;
  readonly hosts: readonly PlannedHost[];
  readonly volumes: readonly PlannedVolume[];
  readonly vms: readonly PlannedVm[];
  readonly disks: readonly PlannedDisk[];
}

export interface PlannedHost {
  readonly model: HostModel;
  readonly capacity: HostCapacity;
}

export interface PlannedVolume {
  readonly place: DiskPlace;
  /** `node1/r0`, or the storage's name. */
  readonly label: string;
  readonly capacity: VolumeCapacity;
}

export interface PlannedVm {
  readonly model: VmModel;
  /** Why no host at all can take it: its disk lies where nobody reaches it, it may still run out of sight. */
  readonly barred?: string;
}

export interface PlannedDisk {
  readonly vm: number;
  readonly model: DiskModel;
}

export function formulate(model: PoolModel, inventory: Inventory, previous: PreviousPlacement): Formulation {
  const hosts = byName(model.hosts).map((host) => ({ model: host, capacity: hostCapacity(host, inventory, model.cluster.placement) }));
  const storage = byName(model.cluster.storage);
  const volumes = planVolumes(hosts, storage, inventory);
  const planned = byName(model.vms).filter((vm) => vm.start.auto || own(inventory.running, vm.name) !== undefined);
  const places = new Places(hosts, volumes.list, inventory, previous);
  const groups = togetherGroups(planned);
  const vms = planned.map((vm, index): PlannedVm => {
    const barred = places.barred(vm) ?? places.torn(vm, groups[index] === -1 ? [] : planned.filter((_, other) => groups[other] === groups[index]));
    return barred === undefined ? { model: vm } : { model: vm, barred };
  });
  const disks = vms.flatMap((vm, index) => byName(vm.model.disks).map((disk) => ({ vm: index, model: disk })));
  const formulation = { hosts, volumes: volumes.list, vms, disks };
  const isPlanned = new Set(planned);
  const idle = byName(model.vms).filter((vm) => !isPlanned.has(vm));
  return { ...formulation, problem: assemble(formulation, model, places, idle, groups) };
}

function assemble(parts: Omit<Formulation, 'problem'>, model: PoolModel, places: Places, idle: readonly VmModel[], groups: Int32Array): Problem {
  const { hosts, volumes, vms, disks } = parts;
  const hostIndex = indexByName(hosts.map((host) => host.model.name));
  const vmIndex = indexByName(vms.map((vm) => vm.model.name));
  const fixedHost = vms.map((vm) => (vm.barred === undefined ? places.runningHost(vm.model) : -1));
  const home = disks.map((disk) => places.home(at(vms, disk.vm).model, disk.model));
  const volumeHost = Int32Array.from(volumes, (volume) => ('host' in volume.place ? (hostIndex.get(volume.place.host) ?? -1) : -1));
  const priorities = [...new Set(vms.map((vm) => vm.model.priority))].sort((a, b) => b - a);
  const levelOf = new Map(priorities.map((priority, level) => [priority, level]));
  const vmDisks = grouped(vms.length, disks.map((disk) => disk.vm));
  const taken = takenRows(idle, vms, places, volumes.length);
  const masks = new Map<string, Uint8Array>();
  const anew = vms.map((vm) => allowedBySpec(vm.model, hosts, masks));
  return {
    hostCount: hosts.length,
    volumeCount: volumes.length,
    vmCount: vms.length,
    diskCount: disks.length,
    hostRows: HOST_ROWS,
    hostCapacity: Float64Array.from(hosts.flatMap(({ capacity }) => [capacity.milliCpus, capacity.memoryBytes])),
    hostRowBalanced: [true, true],
    hostAvailable: Uint8Array.from(hosts, (host) => Number(host.capacity.available)),
    volumeRows: VOLUME_ROWS,
    volumeCapacity: Float64Array.from(volumes.flatMap(({ capacity }) => [capacity.capacityBytes, capacity.bandwidthBps, capacity.iops])).map((offered, index) => offered - at(taken, index)),
    volumeRowLasting: [true, false, false],
    volumeRowBalanced: [false, true, false],
    volumeHost,
    volumeUsable: Uint8Array.from(volumes, (volume) => Number(volume.capacity.usable)),
    hostVolumes: grouped(hosts.length, volumeHost),
    vmLoad: Float64Array.from(vms.flatMap((vm) => [vmMilliCpus(vm.model), vmMemoryNeed(vm.model)])),
    vmLevel: Int32Array.from(vms, (vm) => levelOf.get(vm.model.priority) ?? 0),
    vmAllowed: vms.map((vm, index) => (vm.barred === undefined ? reachable(at(anew, index), at(vmDisks, index), home, volumeHost) : new Uint8Array(hosts.length))),
    vmAllowedAnew: anew,
    vmDisks,
    vmApart: apartPairs(vms, vmIndex),
    vmTogether: groups,
    vmPreviousHost: Int32Array.from(vms, (vm) => places.previousHost(vm.model)),
    vmFixedHost: Int32Array.from(fixedHost),
    diskVm: Int32Array.from(disks, (disk) => disk.vm),
    diskLoad: Float64Array.from(disks.flatMap((disk) => [disk.model.sizeBytes, disk.model.bandwidthBps, disk.model.iops ?? 0])),
    diskHome: Int32Array.from(home),
    diskVolume: Int32Array.from(disks, (disk, index) => (at(home, index) >= 0 ? at(home, index) : places.sharedTarget(disk.model))),
    diskIgnored: Uint8Array.from(disks, (disk, index) => Number(at(fixedHost, disk.vm) >= 0 && at(home, index) < 0)),
    survive: model.cluster.placement.survive,
    goal: model.cluster.placement.goal,
  };
}

function planVolumes(hosts: readonly PlannedHost[], storage: readonly SharedStorageModel[], inventory: Inventory): { list: PlannedVolume[] } {
  const arrays = hosts.flatMap(({ model: host }) =>
    byName<ArrayModel>(host.arrays).map((array) => ({
      place: { host: host.name, array: array.name },
      label: `${host.name}/${array.name}`,
      capacity: arrayCapacity(host, array, inventory),
    })),
  );
  const shared = storage.map(({ name, capacityBytes, bandwidthBps }) => ({
    place: { storage: name },
    label: name,
    capacity: { usable: true, capacityBytes, bandwidthBps, iops: Infinity },
  }));
  return { list: [...arrays, ...shared] };
}

/** Where things are, looked up by the numbers of the problem. */
class Places {
  private readonly hostIndex: ReadonlyMap<string, number>;
  private readonly volumeIndex: ReadonlyMap<string, number>;

  constructor(
    private readonly hosts: readonly PlannedHost[],
    private readonly volumes: readonly PlannedVolume[],
    private readonly inventory: Inventory,
    private readonly previous: PreviousPlacement,
  ) {
    this.hostIndex = indexByName(hosts.map((host) => host.model.name));
    this.volumeIndex = indexByName(volumes.map((volume) => volume.label));
  }

  isSaidToRun(vm: VmModel): boolean {
    return own(this.inventory.running, vm.name) !== undefined;
  }

  runningHost(vm: VmModel): number {
    return this.host(own(this.inventory.running, vm.name));
  }

  previousHost(vm: VmModel): number {
    return this.host(own(this.inventory.running, vm.name) ?? own(this.previous.assignments, vm.name));
  }

  /** The volume where a disk lies; −1 when it was never made, or lies where the drive knows no place. */
  home(vm: VmModel, disk: DiskModel): number {
    const place = this.place(vm, disk);
    return place === undefined ? -1 : (this.volumeIndex.get(placeLabel(place)) ?? -1);
  }

  sharedTarget(disk: DiskModel): number {
    return disk.storage === undefined ? -1 : (this.volumeIndex.get(disk.storage) ?? -1);
  }

  barred(vm: VmModel): string | undefined {
    const running = own(this.inventory.running, vm.name);
    if (running !== undefined) {
      const host = this.hosts[this.host(running)];
      if (host === undefined) return `it runs on ${running}, a host the drive doesn't describe`;
      return host.capacity.available ? undefined : `it may still run on ${running}, which can't be asked: ${host.capacity.cause ?? ''}`;
    }
    for (const disk of byName(vm.disks)) {
      const lost = this.unreachable(vm, disk);
      if (lost !== undefined) return lost;
    }
    return this.scattered(vm);
  }

  private unreachable(vm: VmModel, disk: DiskModel): string | undefined {
    const place = this.place(vm, disk);
    if (place === undefined) {
      return disk.storage !== undefined && this.sharedTarget(disk) < 0 ? `disk ${disk.name} belongs on storage ${disk.storage}, which the drive doesn't describe` : undefined;
    }
    const label = placeLabel(place);
    const volume = this.volumes[this.volumeIndex.get(label) ?? -1];
    if (volume === undefined) return `its disk ${disk.name} lies on ${label}, which the drive no longer describes`;
    const host = 'host' in place ? this.hosts[this.host(place.host)] : undefined;
    if (host !== undefined && !host.capacity.available) return `its disk ${disk.name} lies on ${label}, and ${host.model.name} is unavailable: ${host.capacity.cause ?? ''}`;
    return volume.capacity.usable ? undefined : `its disk ${disk.name} lies on ${label}, which can't be used: ${volume.capacity.cause ?? ''}`;
  }

  /** Disks of one VM on two hosts can't be joined without moving one of them. */
  private scattered(vm: VmModel): string | undefined {
    const seen = new Map<string, string>();
    for (const disk of byName(vm.disks)) {
      const place = this.place(vm, disk);
      if (place !== undefined && 'host' in place && !seen.has(place.host)) seen.set(place.host, disk.name);
    }
    if (seen.size < 2) return undefined;
    return `its disks lie on different hosts: ${[...seen].map(([host, disk]) => `${disk} on ${host}`).join(', ')}`;
  }

  /** A VM that isn't running can't join companions that run on different hosts. */
  torn(vm: VmModel, group: readonly VmModel[]): string | undefined {
    if (this.isSaidToRun(vm)) return undefined;
    const hosts = new Map<string, string>();
    for (const peer of group) {
      const host = own(this.inventory.running, peer.name);
      if (host !== undefined && this.host(host) >= 0 && !hosts.has(host)) hosts.set(host, peer.name);
    }
    if (hosts.size < 2) return undefined;
    return `the VMs it must run together with run on different hosts: ${[...hosts].map(([host, peer]) => `${peer} on ${host}`).join(', ')}`;
  }

  private place(vm: VmModel, disk: DiskModel): DiskPlace | undefined {
    const key = diskKey(vm.name, disk.name);
    return own(this.inventory.disks, key) ?? own(this.previous.disks, key);
  }

  private host(name: string | undefined): number {
    return name === undefined ? -1 : (this.hostIndex.get(name) ?? -1);
  }
}

/**
 * What is taken of the volume rows by VMs that the solver doesn't place: the space of the disks of idle ones, and the bandwidth of
 * those that may run out of sight, which shared storage must still give them.
 */
function takenRows(idle: readonly VmModel[], vms: readonly PlannedVm[], places: Places, volumeCount: number): Float64Array {
  const taken = new Float64Array(volumeCount * VOLUME_ROWS);
  const take = (volume: number, row: number, amount: number) => {
    const index = volume * VOLUME_ROWS + row;
    if (volume >= 0) taken[index] = at(taken, index) + amount;
  };
  for (const vm of idle) for (const disk of vm.disks) take(places.home(vm, disk), SPACE, disk.sizeBytes);
  for (const { model: vm } of vms.filter(({ model, barred }) => barred !== undefined && places.isSaidToRun(model))) {
    for (const disk of vm.disks) {
      take(places.home(vm, disk), BANDWIDTH, disk.bandwidthBps);
      take(places.home(vm, disk), IOPS, disk.iops ?? 0);
    }
  }
  return taken;
}

/** The indices of each owner's items, ascending; −1 owns nothing. */
function grouped(owners: number, ownerOf: ArrayLike<number>): Int32Array[] {
  const lists = Array.from({ length: owners }, (): number[] => []);
  for (let item = 0; item < ownerOf.length; item++) lists[at(ownerOf, item)]?.push(item);
  return lists.map((list) => Int32Array.from(list));
}

/** VMs with the same `on` share their mask: in large pools masks are most of the problem. */
function allowedBySpec(vm: VmModel, hosts: readonly PlannedHost[], masks: Map<string, Uint8Array>): Uint8Array {
  const { on } = vm.placement;
  const key = on === undefined ? '' : `on ${[...on].sort().join(' ')}`;
  const known = masks.get(key);
  if (known !== undefined) return known;
  const mask = Uint8Array.from(hosts, (host) => Number(host.capacity.available && (on?.includes(host.model.name) ?? true)));
  masks.set(key, mask);
  return mask;
}

/** Of the hosts the spec allows, those that reach every disk that exists. */
function reachable(allowed: Uint8Array, disks: Int32Array, home: readonly number[], volumeHost: Int32Array): Uint8Array {
  let result = allowed;
  for (const disk of disks) {
    const volume = at(home, disk);
    const owner = volume < 0 ? -1 : at(volumeHost, volume);
    if (owner < 0) continue;
    if (result === allowed) result = allowed.slice();
    for (let host = 0; host < result.length; host++) if (host !== owner) result[host] = 0;
  }
  return result;
}

function apartPairs(vms: readonly PlannedVm[], vmIndex: ReadonlyMap<string, number>): Int32Array[] {
  const pairs = vms.map(() => new Set<number>());
  for (const [vm, { model }] of vms.entries()) {
    for (const name of model.placement.apart) {
      const other = vmIndex.get(name);
      if (other === undefined || other === vm) continue;
      at(pairs, vm).add(other);
      at(pairs, other).add(vm);
    }
  }
  return pairs.map((set) => Int32Array.from(set).sort());
}

/** The number of each VM's group, −1 for a VM that is alone. */
function togetherGroups(vms: readonly VmModel[]): Int32Array {
  const vmIndex = indexByName(vms.map((vm) => vm.name));
  const leader = vms.map((_, vm) => vm);
  const find = (vm: number): number => (at(leader, vm) === vm ? vm : find(at(leader, vm)));
  for (const [vm, { placement }] of vms.entries()) {
    for (const name of placement.together) {
      const other = vmIndex.get(name);
      if (other !== undefined) leader[Math.max(find(vm), find(other))] = Math.min(find(vm), find(other));
    }
  }
  const sizes = new Map<number, number>();
  for (const vm of leader.keys()) sizes.set(find(vm), (sizes.get(find(vm)) ?? 0) + 1);
  const numbers = new Map<number, number>();
  return Int32Array.from(leader.keys(), (vm) => {
    const root = find(vm);
    if ((sizes.get(root) ?? 0) < 2) return -1;
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return numbers.get(root) ?? -1;
  });
}

export function placeLabel(place: DiskPlace): string {
  return 'host' in place ? `${place.host}/${place.array}` : place.storage;
}

/** By code units, never by locale: the order must be the same on every machine. */
export function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function indexByName(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name, index) => [name, index]));
}
