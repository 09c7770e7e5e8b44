/**
 * What would let a VM in that is left out: more of a resource on a host, or a rule dropped. Each remedy is tried: the planner must then place the VM and
 * everybody who is placed now, or of VMs that are all alike one more.
 */

import type { PlanJson } from '../../protocol';
import type { HostModel, PoolModel, VmModel } from '../drive/model';
import { alikeVms } from './alike';
import { deviceCount, deviceKinds, diskKey, own, vmMemoryNeed, vmMilliCpus } from './capacity';
import { NO_MOVES, type MovePolicy, type PlanInputs } from './inputs';
import { poolLoads, type HostLoads, type Load, type VolumeLoads } from './loads';
import { hostObstacle } from './moving';
import { planPlacement } from './plan';
import { bandwidth, bytes, list } from './words';

const GIB = 2 ** 30;
const MB = 1e6;

/**
 * The plan with remedies for the first VMs left out, one of those that have the same to tell: the smallest purchases first, then the rules to drop.
 * Takes a plan for each remedy tried.
 */
export function withRemedies(inputs: PlanInputs, plan: PlanJson): PlanJson {
  const asked = new Set(alikeVms(plan.unplaced).slice(0, MOST_KINDS).flatMap(([first]) => first ?? []));
  return { ...plan, unplaced: plan.unplaced.map((left) => (asked.has(left) ? { ...left, remedies: remediesFor(inputs, plan, left.vm) } : left)) };
}

/** Whoever has more kinds of VMs left out needs another host, not a list. */
const MOST_KINDS = 8;

interface Remedy {
  readonly inputs: PlanInputs;
  /** `2 GiB more memory`; those of several hosts with the same words become one sentence. */
  readonly what: string;
  readonly where?: string;
  /** Of what it asks for, as a share of what the host has. */
  readonly cost: number;
}

/** Hosts to try, those that lack least first. */
const MOST_HOSTS = 6;

function remediesFor(inputs: PlanInputs, plan: PlanJson, name: string): string[] {
  const vm = inputs.model.vms.find((one) => one.name === name);
  if (vm === undefined) return [];
  const kind = kindsOf(inputs);
  const counted = (placed: readonly string[]) => placed.reduce((counts, one) => counts.set(kind(one), (counts.get(kind(one)) ?? 0) + 1), new Map<string, number>());
  const wanted = counted([name, ...Object.keys(plan.assignments)]);
  const helps = (remedy: Remedy) => {
    const changed = planPlacement(remedy.inputs.model, remedy.inputs.inventory, remedy.inputs.previous, remedy.inputs.moves);
    const placed = counted(Object.keys(changed.assignments));
    return [...wanted].every(([one, count]) => (placed.get(one) ?? 0) >= count);
  };
  const bought = purchases(inputs, plan, vm).sort((a, b) => a.cost - b.cost).slice(0, MOST_HOSTS).filter(helps);
  const places = new Map<string, string[]>();
  for (const { what, where = '' } of bought) places.set(what, [...(places.get(what) ?? []), where]);
  return [...[...places].map(([what, where]) => `${what} on ${list(where, 'or')}`), ...droppedRules(inputs, vm).filter(helps).map(({ what }) => what), ...allowedMoves(inputs, helps)];
}

/** Of new VMs that nothing but their names tells apart it is all the same which of them run. */
function kindsOf({ model, inventory, previous }: PlanInputs): (name: string) => string {
  const named = new Set(model.vms.flatMap(({ placement, start }) => [...placement.apart, ...placement.together, ...start.after]));
  const kinds = new Map(
    model.vms.map((vm) => {
      const isKnown = own(inventory.running, vm.name) !== undefined || own(previous.assignments, vm.name) !== undefined || vm.disks.some((disk) => own(inventory.disks, diskKey(vm.name, disk.name)) ?? own(previous.disks, diskKey(vm.name, disk.name)));
      const { priority, vcpus, memoryBytes, disks, placement, boot, devices, architecture, cpuFeatures, start } = vm;
      return [vm.name, isKnown || named.has(vm.name) ? vm.name : JSON.stringify([priority, vcpus, memoryBytes, disks, placement, boot.type, devices, architecture, cpuFeatures, start])];
    }),
  );
  return (name) => kinds.get(name) ?? name;
}

/** The mildest of the ways to let things move that helps, if they may not yet. */
function allowedMoves(inputs: PlanInputs, helps: (remedy: Remedy) => boolean): string[] {
  const { maxMoves, stops } = inputs.moves ?? NO_MOVES;
  const remedy = (moves: MovePolicy, what: string): Remedy => ({ inputs: { ...inputs, moves }, what, cost: 0 });
  const ways = [
    ...(maxMoves < Infinity ? [remedy({ maxMoves: Infinity, stops }, maxMoves > 0 ? 'allow more moves' : 'allow moves of disks and of VMs that migrate live')] : []),
    ...(stops === 'never' ? [remedy({ maxMoves: Infinity, stops: 'allowed' }, 'allow short stops of running VMs, to move them')] : []),
  ];
  const way = ways.find(helps);
  return way === undefined ? [] : [way.what];
}

/** For each host that the rules allow: what it lacks. */
function purchases(inputs: PlanInputs, plan: PlanJson, vm: VmModel): Remedy[] {
  const loads = poolLoads(inputs.model, inputs.inventory, inputs.previous, plan);
  return loads.hosts.flatMap((load) => {
    const host = inputs.model.hosts.find(({ name }) => name === load.host);
    const allowed = host !== undefined && load.unavailable === undefined && hostObstacle(vm, host) === undefined;
    return !allowed ? [] : purchaseOn(inputs, plan, vm, host, load);
  });
}

function purchaseOn(inputs: PlanInputs, plan: PlanJson, vm: VmModel, host: HostModel, load: HostLoads): Remedy[] {
  const { cpuOvercommit } = inputs.model.cluster.placement;
  const memoryBytes = Math.ceil(lack(vmMemoryNeed(vm), load.memoryBytes) / GIB) * GIB;
  const cpus = Math.ceil(lack(vmMilliCpus(vm), load.milliCpus) / 1000 / cpuOvercommit);
  const devices = deviceKinds([vm]).flatMap((kind) => {
    const taken = inputs.model.vms.reduce((sum, one) => sum + (own(plan.assignments, one.name) === host.name ? deviceCount(one, kind) : 0), 0);
    const more = deviceCount(vm, kind) - Math.max(0, deviceCount(host, kind) - taken);
    return more > 0 ? [{ kind, more }] : [];
  });
  const local = vm.disks.filter((disk) => disk.storage === undefined);
  const space = local.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  const speed = local.reduce((sum, disk) => sum + disk.bandwidthBps, 0);
  const array = [...load.arrays].sort((a, b) => arrayLack(a, space, speed) - arrayLack(b, space, speed))[0];
  const spaceBytes = array === undefined ? 0 : Math.ceil(lack(space, array.spaceBytes) / GIB) * GIB;
  const bandwidthBps = array === undefined ? 0 : Math.ceil(lack(speed, array.bandwidthBps) / MB) * MB;
  const parts = [
    ...(memoryBytes > 0 ? [`${bytes(memoryBytes)} more memory`] : []),
    ...(cpus > 0 ? [`${cpus} more ${cpus === 1 ? 'CPU' : 'CPUs'}`] : []),
    ...devices.map(({ kind, more }) => `${more} more ${kind}`),
    ...(spaceBytes > 0 ? [`${bytes(spaceBytes)} more space`] : []),
    ...(bandwidthBps > 0 ? [`${bandwidth(bandwidthBps)} more disk bandwidth`] : []),
  ];
  if (parts.length === 0) return [];
  const grown: HostModel = {
    ...host,
    cpus: host.cpus + cpus,
    memoryBytes: host.memoryBytes + memoryBytes,
    devices: { ...host.devices, ...Object.fromEntries(devices.map(({ kind, more }) => [kind, deviceCount(host, kind) + more])) },
    arrays: host.arrays.map((one) => (one.name === array?.name ? { ...one, capacityBytes: one.capacityBytes + spaceBytes, bandwidthBps: one.bandwidthBps + bandwidthBps } : one)),
  };
  const cost = memoryBytes / host.memoryBytes + cpus / host.cpus + devices.length + (array === undefined ? 0 : spaceBytes / array.spaceBytes.capacity + bandwidthBps / array.bandwidthBps.capacity);
  const where = array !== undefined && memoryBytes + cpus + devices.length === 0 ? `${host.name}/${array.name}` : host.name;
  return [{ inputs: grow(inputs, grown, host), what: list(parts), where, cost }];
}

/** What was measured would hide what was bought: the inventory of this host gives way to its spec, as far as it is a number. */
function grow(inputs: PlanInputs, grown: HostModel, host: HostModel): PlanInputs {
  const { model, inventory } = inputs;
  const found = own(inventory.hosts, host.name);
  const hosts = { ...model, hosts: model.hosts.map((one) => (one === host ? grown : one)) };
  if (found === undefined) return { ...inputs, model: hosts };
  const { cpus, memoryBytes, ...rest } = found;
  const more = { ...(cpus === undefined ? {} : { cpus: cpus + grown.cpus - host.cpus }), ...(memoryBytes === undefined ? {} : { memoryBytes: memoryBytes + grown.memoryBytes - host.memoryBytes }) };
  return { ...inputs, model: hosts, inventory: { ...inventory, hosts: { ...inventory.hosts, [host.name]: { ...rest, ...more } } } };
}

function lack(need: number, { used, capacity }: Load): number {
  return Math.max(0, need - Math.max(0, capacity - used));
}

function arrayLack(array: VolumeLoads, space: number, speed: number): number {
  return lack(space, array.spaceBytes) / array.spaceBytes.capacity + lack(speed, array.bandwidthBps) / array.bandwidthBps.capacity;
}

function droppedRules(inputs: PlanInputs, vm: VmModel): Remedy[] {
  const { model } = inputs;
  const says = (one: VmModel, other: string) => one.placement.apart.includes(other);
  const apart = model.vms.filter((other) => other.name !== vm.name && (says(vm, other.name) || says(other, vm.name)));
  const together = model.vms.filter((other) => vm.placement.together.includes(other.name) || other.placement.together.includes(vm.name));
  return [
    ...apart.map((other) => rule(inputs, `drop apart: ${vm.name} and ${other.name}`, (one) => ({ apart: one.placement.apart.filter((name) => !((one === vm && name === other.name) || (one === other && name === vm.name))) }))),
    ...(together.length === 0 ? [] : [rule(inputs, `drop together: ${vm.name} and ${list(together.map(({ name }) => name))}`, (one) => ({ together: one === vm ? [] : one.placement.together.filter((name) => name !== vm.name) }))]),
    ...(vm.placement.on === undefined ? [] : [withoutOn(inputs, vm)]),
  ];
}

function rule(inputs: PlanInputs, what: string, change: (vm: VmModel) => Partial<VmModel['placement']>): Remedy {
  const model: PoolModel = { ...inputs.model, vms: inputs.model.vms.map((one) => ({ ...one, placement: { ...one.placement, ...change(one) } })) };
  return { inputs: { ...inputs, model }, what, cost: 0 };
}

function withoutOn(inputs: PlanInputs, vm: VmModel): Remedy {
  const { apart, together, migratable } = vm.placement;
  const vms = inputs.model.vms.map((one) => (one === vm ? { ...vm, placement: { apart, together, migratable } } : one));
  return { inputs: { ...inputs, model: { ...inputs.model, vms } }, what: `drop on: ${vm.name} may then run on any host`, cost: 0 };
}
