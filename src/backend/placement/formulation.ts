/**
 * From the model, the inventory and the previous placement to the narrow problem. The meaning of every hard constraint is
 * decided here:
 *
 * - A VM with `start.auto: false` isn't planned unless it runs already; its disks take their space all the same.
 * - What runs is a fact, whatever the specs have come to say since. It stays where it runs unless the move policy lets it leave (`mobility.ts`).
 * - A disk that exists stays where it is, and with it its VM, unless the move policy lets it be copied; one on an array that can't be reached keeps its
 *   VM out. The disks of VMs that aren't planned stay in any case.
 * - `apart` is symmetric. `together` joins VMs to groups: those of a group that run, run on one host.
 *
 * Everything is sorted by name first, so that the order of the drive's files can't matter.
 */

import type { ArrayModel, DiskModel, HostModel, PoolModel, SharedStorageModel, VmModel } from '../drive/model';
import type { DiskPlace } from '../../protocol';
import { arrayCapacity, deviceCount, deviceKinds, hostCapacity, own, vmMemoryNeed, vmMilliCpus, type HostCapacity, type VolumeCapacity } from './capacity';
import { NO_MOVES, type Inventory, type MovePolicy, type PreviousPlacement } from './inputs';
import { movableHosts } from './mobility';
import { hostObstacle, migrationBytes } from './moving';
import { byName, indexByName } from './names';
import { at } from './packing';
import { Places } from './places';
import type { Problem } from './problem';
import { apartPairs, togetherGroups } from './relations';

/** Rows of a host. */
export const CPU = 0;
export const MEMORY = 1;
/** From here on one row a kind of device, in the order of `Formulation.devices`. */
export const FIRST_DEVICE = 2;

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
  /** Kinds of devices that VMs ask for. */
  readonly devices: readonly string[];
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

/** `moves` absent: everything that exists or runs stays where it is. */
export function formulate(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, moves: MovePolicy = NO_MOVES): Formulation {
  const hosts = byName(model.hosts).map((host) => ({ model: host, capacity: hostCapacity(host, inventory, model.cluster.placement) }));
  const storage = byName(model.cluster.storage);
  const volumes = planVolumes(hosts, storage, inventory);
  const planned = byName(model.vms).filter((vm) => vm.start.auto || own(inventory.running, vm.name) !== undefined);
  const places = new Places(hosts, volumes.list, inventory, previous);
  const groups = togetherGroups(planned);
  const vms = planned.map((vm, index): PlannedVm => {
    const barred = places.barred(vm, mayMove(vm, moves)) ?? places.torn(vm, groups[index] === -1 ? [] : planned.filter((_, other) => groups[other] === groups[index]));
    return barred === undefined ? { model: vm } : { model: vm, barred };
  });
  const disks = vms.flatMap((vm, index) => byName(vm.model.disks).map((disk) => ({ vm: index, model: disk })));
  const formulation = { hosts, volumes: volumes.list, vms, disks, devices: deviceKinds(planned) };
  const isPlanned = new Set(planned);
  const idle = byName(model.vms).filter((vm) => !isPlanned.has(vm));
  return { ...formulation, problem: assemble(formulation, { model, places, idle, groups, moves }) };
}

/** Whether disks of a VM that doesn't run may be moved. */
function mayMove(vm: VmModel, { maxMoves, stay }: MovePolicy): boolean {
  return maxMoves > 0 && stay?.has(vm.name) !== true;
}

interface Givens {
  readonly model: PoolModel;
  readonly places: Places;
  readonly idle: readonly VmModel[];
  readonly groups: Int32Array;
  readonly moves: MovePolicy;
}

function assemble(parts: Omit<Formulation, 'problem'>, { model, places, idle, groups, moves }: Givens): Problem {
  const { hosts, volumes, vms, disks, devices } = parts;
  const hostIndex = indexByName(hosts.map((host) => host.model.name));
  const vmIndex = indexByName(vms.map((vm) => vm.model.name));
  const home = disks.map((disk) => places.home(at(vms, disk.vm).model, disk.model));
  const volumeHost = Int32Array.from(volumes, (volume) => ('host' in volume.place ? (hostIndex.get(volume.place.host) ?? -1) : -1));
  const vmDisks = grouped(vms.length, disks.map((disk) => disk.vm));
  const taken = takenRows(idle, vms, places, volumes.length);
  const masks = new Map<string, Uint8Array>();
  const anew = vms.map((vm) => allowedBySpec(vm.model, hosts, masks));
  const apart = apartPairs(vms.map((vm) => vm.model), vmIndex);
  const movable = movableHosts({ hosts, volumes, vms, places, apart, groups, allowed: anew, moves });
  const held = vms.map((vm, index) => heldTo(moves.held?.get(vm.model.name), movable[index] ?? at(anew, index), hosts));
  const runningHost = vms.map((vm) => (vm.barred === undefined ? places.runningHost(vm.model) : -1));
  const fixedHost = runningHost.map((host, vm) => (movable[vm] === undefined ? host : -1));
  const isFree = disks.map((disk, index) => isMovableDisk(disk, { vms, movable, runningHost, volumeHost, home: at(home, index), moves }));
  const diskVolume = disks.map((disk, index) => (at(isFree, index) ? -1 : at(home, index) >= 0 ? at(home, index) : places.sharedTarget(disk.model)));
  return {
    hostCount: hosts.length,
    volumeCount: volumes.length,
    vmCount: vms.length,
    diskCount: disks.length,
    hostRows: FIRST_DEVICE + devices.length,
    hostCapacity: Float64Array.from(hosts.flatMap(({ model: host, capacity }) => [capacity.milliCpus, capacity.memoryBytes, ...devices.map((kind) => deviceCount(host, kind))])),
    hostRowBalanced: [true, true, ...devices.map(() => false)],
    hostAvailable: Uint8Array.from(hosts, (host) => Number(host.capacity.available)),
    volumeRows: VOLUME_ROWS,
    volumeCapacity: Float64Array.from(volumes.flatMap(({ capacity }) => [capacity.capacityBytes, capacity.bandwidthBps, capacity.iops])).map((offered, index) => offered - at(taken, index)),
    volumeRowLasting: [true, false, false],
    volumeRowBalanced: [false, true, false],
    volumeHost,
    volumeUsable: Uint8Array.from(volumes, (volume) => Number(volume.capacity.usable)),
    hostVolumes: grouped(hosts.length, volumeHost),
    vmLoad: Float64Array.from(vms.flatMap((vm) => [vmMilliCpus(vm.model), vmMemoryNeed(vm.model), ...devices.map((kind) => deviceCount(vm.model, kind))])),
    vmLevel: levelsOf(vms, runningHost, moves),
    vmAllowed: vms.map((vm, index) => (vm.barred === undefined ? reachable(at(held, index), at(vmDisks, index), diskVolume, volumeHost) : new Uint8Array(hosts.length))),
    vmAllowedAnew: anew,
    vmDisks,
    vmApart: apart,
    vmTogether: groups,
    vmPreviousHost: Int32Array.from(vms, (vm) => places.previousHost(vm.model)),
    vmFixedHost: Int32Array.from(fixedHost),
    vmRunningHost: Int32Array.from(runningHost, (host, vm) => (movable[vm] === undefined ? -1 : host)),
    vmMoveBytes: Float64Array.from(vms, (vm, index) => (movable[index] === undefined ? 0 : migrationBytes(vm.model))),
    diskVm: Int32Array.from(disks, (disk) => disk.vm),
    diskLoad: Float64Array.from(disks.flatMap((disk) => [disk.model.sizeBytes, disk.model.bandwidthBps, disk.model.iops ?? 0])),
    diskHome: Int32Array.from(home),
    diskVolume: Int32Array.from(diskVolume),
    diskMoveBytes: Float64Array.from(disks, (disk, index) => (at(isFree, index) ? disk.model.sizeBytes : 0)),
    diskIgnored: Uint8Array.from(disks, (disk, index) => Number(at(fixedHost, disk.vm) >= 0 && at(home, index) < 0)),
    maxMoves: moves.maxMoves,
    survive: model.cluster.placement.survive,
    goal: model.cluster.placement.goal,
  };
}

interface Moving {
  readonly vms: readonly PlannedVm[];
  readonly movable: readonly (Uint8Array | undefined)[];
  readonly runningHost: readonly number[];
  readonly volumeHost: Int32Array;
  readonly home: number;
  readonly moves: MovePolicy;
}

/** A local disk that exists, of a VM that doesn't run or may be stopped. */
function isMovableDisk({ vm, model }: PlannedDisk, { vms, movable, runningHost, volumeHost, home, moves }: Moving): boolean {
  const { model: owner, barred } = at(vms, vm);
  if (home < 0 || at(volumeHost, home) < 0 || model.storage !== undefined || barred !== undefined || !mayMove(owner, moves)) return false;
  return at(runningHost, vm) < 0 || (movable[vm] !== undefined && moves.stops === 'allowed');
}

/** One level a priority. Where VMs that run may move they come before all: no plan leaves them out for the sake of others. */
function levelsOf(vms: readonly PlannedVm[], runningHost: readonly number[], { maxMoves }: MovePolicy): Int32Array {
  const priorities = [...new Set(vms.map((vm) => vm.model.priority))].sort((a, b) => b - a);
  const first = maxMoves > 0 && runningHost.some((host) => host >= 0) ? 1 : 0;
  const levelOf = new Map(priorities.map((priority, level) => [priority, level + first]));
  return Int32Array.from(vms, ({ model }, vm) => (first === 1 && at(runningHost, vm) >= 0 ? 0 : (levelOf.get(model.priority) ?? 0)));
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

/** VMs that ask the same of a host share their mask: in large pools masks are most of the problem. */
function allowedBySpec(vm: VmModel, hosts: readonly PlannedHost[], masks: Map<string, Uint8Array>): Uint8Array {
  const { on } = vm.placement;
  const key = JSON.stringify([on === undefined ? null : [...on].sort(), vm.architecture, vm.cpuFeatures]);
  const known = masks.get(key);
  if (known !== undefined) return known;
  const mask = Uint8Array.from(hosts, (host) => Number(host.capacity.available && hostObstacle(vm, host.model) === undefined));
  masks.set(key, mask);
  return mask;
}

/** Of the allowed hosts only the named one. */
function heldTo(name: string | undefined, allowed: Uint8Array, hosts: readonly PlannedHost[]): Uint8Array {
  return name === undefined ? allowed : allowed.map((is, host) => Number(is === 1 && at(hosts, host).model.name === name));
}

/** Of the hosts the spec allows, those that reach every disk that has but one place. */
function reachable(allowed: Uint8Array, disks: Int32Array, places: readonly number[], volumeHost: Int32Array): Uint8Array {
  let result = allowed;
  for (const disk of disks) {
    const volume = at(places, disk);
    const owner = volume < 0 ? -1 : at(volumeHost, volume);
    if (owner < 0) continue;
    if (result === allowed) result = allowed.slice();
    for (let host = 0; host < result.length; host++) if (host !== owner) result[host] = 0;
  }
  return result;
}
