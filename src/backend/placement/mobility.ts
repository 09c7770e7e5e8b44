/**
 * Which of the VMs that run may leave their host. What runs is a fact and breaks no plan; where the facts already break a rule (an overfull host, `on`,
 * `apart`, `together`), those concerned stay where they are: moving them about would need rules for what may be broken further.
 */

import type { HostModel, VmModel } from '../drive/model';
import { deviceCount, deviceKinds, vmMemoryNeed, vmMilliCpus } from './capacity';
import type { PlannedHost, PlannedVm, PlannedVolume } from './formulation';
import type { MovePolicy } from './inputs';
import { liveObstacle } from './moving';
import { at } from './packing';
import type { Places } from './places';

export interface Situation {
  readonly hosts: readonly PlannedHost[];
  readonly volumes: readonly PlannedVolume[];
  readonly vms: readonly PlannedVm[];
  readonly places: Places;
  readonly apart: readonly Int32Array[];
  readonly groups: Int32Array;
  /** By VM: 1 where its spec lets it run. */
  readonly allowed: readonly Uint8Array[];
  readonly moves: MovePolicy;
}

/** For each VM the hosts it may be on while it counts as running; undefined when it doesn't run or is fixed where it is. */
export function movableHosts(situation: Situation): (Uint8Array | undefined)[] {
  const { vms, hosts, places, moves } = situation;
  if (moves.maxMoves <= 0) return vms.map(() => undefined);
  const overfull = overfullHosts(situation);
  return vms.map(({ model, barred }, vm) => {
    const now = places.runningHost(model);
    if (now < 0 || barred !== undefined || moves.stay?.has(model.name) === true || at(overfull, now) || breaksRule(situation, vm, now)) return undefined;
    const from = at(hosts, now).model;
    const mask = at(situation.allowed, vm).map((is, host) => Number(host === now || (is === 1 && (moves.stops === 'allowed' || liveObstacle(model, from, at(hosts, host).model) === undefined))));
    const canLeave = mask.some((is, host) => is === 1 && host !== now);
    const canShift = moves.stops === 'allowed' && model.disks.some((disk) => disk.storage === undefined);
    return canLeave || canShift ? mask : undefined;
  });
}

/** By host: whether what runs there takes more than it or one of its arrays offers. */
function overfullHosts({ hosts, volumes, vms, places }: Situation): boolean[] {
  const cpus = new Float64Array(hosts.length);
  const memory = new Float64Array(hosts.length);
  const devices = new Map<string, number>();
  const bandwidth = new Float64Array(volumes.length);
  const iops = new Float64Array(volumes.length);
  const add = (into: Float64Array, index: number, amount: number) => {
    if (index >= 0) into[index] = at(into, index) + amount;
  };
  for (const { model } of vms) {
    const host = places.runningHost(model);
    if (host < 0) continue;
    add(cpus, host, vmMilliCpus(model));
    add(memory, host, vmMemoryNeed(model));
    for (const kind of deviceKinds([model])) devices.set(`${kind} ${host}`, (devices.get(`${kind} ${host}`) ?? 0) + deviceCount(model, kind));
    for (const disk of model.disks) {
      add(bandwidth, places.home(model, disk), disk.bandwidthBps);
      add(iops, places.home(model, disk), disk.iops ?? 0);
    }
  }
  const crowded = new Set(volumes.flatMap(({ place, capacity }, volume) => (at(bandwidth, volume) > capacity.bandwidthBps || at(iops, volume) > capacity.iops ? ['host' in place ? place.host : ''] : [])));
  // Overfull shared storage concerns every host.
  const lacksDevice = (host: HostModel, index: number) => deviceKinds(vms.map(({ model }) => model)).some((kind) => (devices.get(`${kind} ${index}`) ?? 0) > deviceCount(host, kind));
  return hosts.map(({ model, capacity }, host) => lacksDevice(model, host) || at(cpus, host) > capacity.milliCpus || at(memory, host) > capacity.memoryBytes || crowded.has(model.name) || crowded.has(''));
}

function breaksRule({ vms, places, apart, groups, allowed }: Situation, vm: number, now: number): boolean {
  const { model } = at(vms, vm);
  const hostOf = (other: number) => places.runningHost(at(vms, other).model);
  if (at(at(allowed, vm), now) === 0) return true;
  if (Array.from(at(apart, vm)).some((other) => hostOf(other) === now)) return true;
  const group = at(groups, vm);
  if (group >= 0 && vms.some((_, other) => at(groups, other) === group && hostOf(other) >= 0 && hostOf(other) !== now)) return true;
  return !disksInReach(model, places, now);
}

/** Whether each disk is known and within reach of the host: one that was never made, or lies elsewhere, is a riddle to leave alone. */
function disksInReach(vm: VmModel, places: Places, host: number): boolean {
  return vm.disks.every((disk) => {
    const owner = places.homeHost(vm, disk);
    return owner === 'shared' || owner === host;
  });
}
