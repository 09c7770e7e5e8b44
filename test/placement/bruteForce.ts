/**
 * Tries every placement of a small pool and judges it by the checker alone, which shares nothing with the solvers. Slow and simple on
 * purpose: this is what "optimal" is measured against.
 */

import type { DiskPlace, PlanAction } from '../../src/protocol';
import type { DiskModel, VmModel } from '../../src/backend/drive/model';
import { arrayCapacity, hostCapacity, vmMemoryNeed } from '../../src/backend/placement/capacity';
import { checkActions } from '../../src/backend/placement/check';
import type { Situation } from './arbitrary';

export interface BruteForceBest {
  /** How many VMs of each priority run: the highest priority first, then the next. */
  readonly placed: ReadonlyMap<number, number>;
  /** Of the placements that run as many: the smallest largest load in hundredths, and the fewest hosts. */
  readonly maxLoad: number;
  readonly hostsUsed: number;
}

interface Placed {
  readonly vm: VmModel;
  readonly host: string;
}

export function bestByBruteForce({ model, inventory, previous }: Situation): BruteForceBest {
  const runs = (vm: VmModel) => inventory.running[vm.name];
  const open = model.vms.filter((vm) => vm.start.auto && runs(vm) === undefined).sort((a, b) => b.priority - a.priority);
  const priorities = [...new Set(model.vms.map((vm) => vm.priority))].sort((a, b) => b - a);
  const running = model.vms.flatMap((vm): Placed[] => (runs(vm) === undefined || inventory.hosts[runs(vm)!]?.available === false ? [] : [{ vm, host: runs(vm)! }]));
  const count = (placed: readonly VmModel[]) => priorities.map((priority) => placed.filter((vm) => vm.priority === priority).length);
  let best = count([]);
  let [maxLoad, hostsUsed] = [Infinity, Infinity];

  const judge = (placed: readonly Placed[], actions: readonly PlanAction[]) => {
    const counts = count(placed.map(({ vm }) => vm));
    if (compare(counts, best) > 0) [best, maxLoad, hostsUsed] = [counts, Infinity, Infinity];
    if (compare(counts, best) < 0) return;
    maxLoad = Math.min(maxLoad, largestLoad({ model, inventory, previous }, placed, actions));
    hostsUsed = Math.min(hostsUsed, new Set(placed.map(({ host }) => host)).size);
  };
  const descend = (index: number, placed: readonly Placed[], actions: readonly PlanAction[]): void => {
    const vm = open[index];
    if (vm === undefined) {
      judge(placed, actions);
      return;
    }
    if (compare(count([...placed.map((one) => one.vm), ...open.slice(index)]), best) < 0) return;
    for (const host of model.hosts) {
      for (const disks of placesFor(vm, host.name, vm.disks, { model, inventory, previous })) {
        const next: PlanAction[] = [...actions, ...disks, { kind: 'start', vm: vm.name, host: host.name }];
        if (checkActions(model, inventory, previous, next).length === 0) descend(index + 1, [...placed, { vm, host: host.name }], next);
      }
    }
    descend(index + 1, placed, actions);
  };
  descend(0, running, []);
  return { placed: new Map(priorities.map((priority, index) => [priority, best[index]!])), maxLoad: Number.isFinite(maxLoad) ? maxLoad : 0, hostsUsed: Number.isFinite(hostsUsed) ? hostsUsed : 0 };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((value, index) => value !== b[index]);
  return first < 0 ? 0 : a[first]! - b[first]!;
}

/** Every way to make the missing disks for a VM on this host. */
function placesFor(vm: VmModel, host: string, disks: readonly DiskModel[], situation: Situation): PlanAction[][] {
  const [disk, ...rest] = disks;
  if (disk === undefined) return [[]];
  const others = placesFor(vm, host, rest, situation);
  const key = `${vm.name}/${disk.name}`;
  if ((situation.inventory.disks[key] ?? situation.previous.disks[key]) !== undefined) return others;
  const arrays = situation.model.hosts.find((candidate) => candidate.name === host)!.arrays;
  const places: DiskPlace[] = disk.storage === undefined ? arrays.map((array) => ({ host, array: array.name })) : [{ storage: disk.storage }];
  return places.flatMap((to) => others.map((other): PlanAction[] => [{ kind: 'create-disk', vm: vm.name, disk: disk.name, to, bytes: disk.sizeBytes }, ...other]));
}

/** Over CPU, memory and each array's bandwidth, in hundredths rounded up. */
function largestLoad({ model, inventory, previous }: Situation, placed: readonly Placed[], actions: readonly PlanAction[]): number {
  const disks: Record<string, DiskPlace> = { ...previous.disks, ...inventory.disks };
  for (const action of actions) if (action.kind === 'create-disk') disks[`${action.vm}/${action.disk}`] = action.to;
  const loads = model.hosts.flatMap((host) => {
    const here = placed.filter((one) => one.host === host.name);
    const offer = hostCapacity(host, inventory, model.cluster.placement);
    const arrays = host.arrays.map((array): [number, number] => {
      const lying = placed.flatMap(({ vm }) => vm.disks.filter((disk) => {
        const place = disks[`${vm.name}/${disk.name}`];
        return place !== undefined && 'host' in place && place.host === host.name && place.array === array.name;
      }));
      return [sum(lying.map((disk) => disk.bandwidthBps)), arrayCapacity(host, array, inventory).bandwidthBps];
    });
    return [[sum(here.map(({ vm }) => vm.vcpus * 1000)), offer.milliCpus], [sum(here.map(({ vm }) => vmMemoryNeed(vm))), offer.memoryBytes], ...arrays];
  });
  return Math.max(0, ...loads.map(([used, capacity]) => (used === 0 ? 0 : Math.ceil(Math.ceil((used! * 10_000) / capacity!) / 100))));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
