/** What no placement can beat, by arguments simple enough to trust: each bound looks at one kind of resource at a time. */

import { at, Packing } from './packing';
import { loadOf, type Problem, type Solution } from './problem';

/** VMs that fit on no host even when only what is fixed is there. */
export function hopelessVms(problem: Problem): Set<number> {
  const packing = new Packing(problem);
  const hopeless = new Set<number>();
  for (let vm = 0; vm < problem.vmCount; vm++) {
    if (packing.isFixed(vm)) continue;
    let fits = false;
    for (let host = 0; host < problem.hostCount && !fits; host++) fits = packing.fits(vm, host);
    if (!fits) hopeless.add(vm);
  }
  return hopeless;
}

/**
 * The fewest VMs left out at each level. Exact sums: at one level at most as many VMs run as their smallest loads fit into the sum of a row over
 * all hosts, after the smallest loads of the levels above. A level counts for the next one only while `out` meets its bound.
 */
export function fewestOut(problem: Problem, hopeless: ReadonlySet<number>, out: readonly number[]): number[] {
  const levels = levelCount(problem);
  const bound = new Array<number>(levels).fill(0);
  for (const vm of hopeless) bound[at(problem.vmLevel, vm)] = at(bound, at(problem.vmLevel, vm)) + 1;
  const packing = new Packing(problem);
  const free = Array.from({ length: problem.hostRows }, (_, row) => freeInAll(packing, row));
  for (let level = 0; level < levels; level++) {
    const vms: number[] = [];
    for (let vm = 0; vm < problem.vmCount; vm++) if (at(problem.vmLevel, vm) === level && !packing.isFixed(vm) && !hopeless.has(vm)) vms.push(vm);
    let most = vms.length;
    for (let row = 0; row < problem.hostRows; row++) most = Math.min(most, countFitting(problem, vms, row, at(free, row)));
    bound[level] = at(bound, level) + vms.length - most;
    if ((out[level] ?? 0) !== bound[level]) break;
    for (let row = 0; row < problem.hostRows; row++) free[row] = at(free, row) - smallestLoads(problem, vms, row, most);
  }
  return bound;
}

/** No placement of these VMs has a smaller largest load. */
export function smallestMaxLoad(problem: Problem, solution: Solution): number {
  const placed = Array.from({ length: problem.vmCount }, (_, vm) => vm).filter((vm) => at(solution.vmHost, vm) >= 0);
  const empty = new Packing(problem);
  let bound = 0;
  for (let host = 0; host < problem.hostCount; host++) bound = Math.max(bound, empty.maxLoadOfHost(host));
  for (let row = 0; row < problem.hostRows; row++) {
    if (!problem.hostRowBalanced[row]) continue;
    let [used, capacity] = [0, 0];
    for (const vm of placed) used += at(problem.vmLoad, vm * problem.hostRows + row);
    for (let host = 0; host < problem.hostCount; host++) if (at(problem.hostAvailable, host) === 1) capacity += at(problem.hostCapacity, host * problem.hostRows + row);
    bound = Math.max(bound, loadOf(used, capacity));
  }
  bound = Math.max(bound, localVolumesBound(problem, solution));
  for (const vm of placed) if (!empty.isFixed(vm)) bound = Math.max(bound, aloneBound(empty, vm));
  return bound;
}

/** The fewest hosts whose sums hold the VMs; hosts that run something fixed count anyway. */
export function fewestHosts(problem: Problem, solution: Solution): number {
  const placed = Array.from({ length: problem.vmCount }, (_, vm) => vm).filter((vm) => at(solution.vmHost, vm) >= 0);
  if (placed.length === 0) return 0;
  let bound = 1;
  const fixed = new Set(placed.map((vm) => at(problem.vmFixedHost, vm)).filter((host) => host >= 0));
  bound = Math.max(bound, fixed.size);
  for (let row = 0; row < problem.hostRows; row++) {
    let need = 0;
    // What runs already may overfill its host: it needs no further host.
    for (const vm of placed) if (at(problem.vmFixedHost, vm) < 0) need += at(problem.vmLoad, vm * problem.hostRows + row);
    const capacities: number[] = [];
    for (let host = 0; host < problem.hostCount; host++) if (at(problem.hostAvailable, host) === 1) capacities.push(at(problem.hostCapacity, host * problem.hostRows + row));
    capacities.sort((a, b) => b - a);
    let hosts = 0;
    while (need > 0 && hosts < capacities.length) need -= at(capacities, hosts++);
    bound = Math.max(bound, hosts);
  }
  return bound;
}

export function levelCount(problem: Problem): number {
  return problem.vmLevel.reduce((most, level) => Math.max(most, level + 1), 0);
}

function localVolumesBound(problem: Problem, solution: Solution): number {
  let bound = 0;
  for (let row = 0; row < problem.volumeRows; row++) {
    if (!problem.volumeRowBalanced[row]) continue;
    let [used, capacity] = [0, 0];
    for (let disk = 0; disk < problem.diskCount; disk++) {
      const volume = at(solution.diskVolume, disk);
      const runs = at(solution.vmHost, at(problem.diskVm, disk)) >= 0 && at(problem.diskIgnored, disk) === 0;
      if (runs && volume >= 0 && at(problem.volumeHost, volume) >= 0) used += at(problem.diskLoad, disk * problem.volumeRows + row);
    }
    for (let volume = 0; volume < problem.volumeCount; volume++) {
      const host = at(problem.volumeHost, volume);
      if (host >= 0 && at(problem.hostAvailable, host) === 1) capacity += at(problem.volumeCapacity, volume * problem.volumeRows + row);
    }
    bound = Math.max(bound, loadOf(used, capacity));
  }
  return bound;
}

/** The least load its host can have with this VM and what is fixed. */
function aloneBound(empty: Packing, vm: number): number {
  let least = Infinity;
  for (let host = 0; host < empty.problem.hostCount; host++) {
    if (!empty.tryAdd(vm, host)) continue;
    least = Math.min(least, empty.maxLoadOfHost(host));
    empty.remove(vm);
  }
  return Number.isFinite(least) ? least : 0;
}

function freeInAll(packing: Packing, row: number): number {
  const { problem } = packing;
  let free = 0;
  for (let host = 0; host < problem.hostCount; host++) {
    if (at(problem.hostAvailable, host) === 0) continue;
    const index = host * problem.hostRows + row;
    free += Math.max(0, at(problem.hostCapacity, index) - at(packing.hostUsed, index));
  }
  return free;
}

function sortedLoads(problem: Problem, vms: readonly number[], row: number): number[] {
  return vms.map((vm) => at(problem.vmLoad, vm * problem.hostRows + row)).sort((a, b) => a - b);
}

function countFitting(problem: Problem, vms: readonly number[], row: number, free: number): number {
  let sum = 0;
  const loads = sortedLoads(problem, vms, row);
  const first = loads.findIndex((load) => (sum += load) > free);
  return first < 0 ? loads.length : first;
}

function smallestLoads(problem: Problem, vms: readonly number[], row: number, count: number): number {
  return sortedLoads(problem, vms, row)
    .slice(0, count)
    .reduce((sum, load) => sum + load, 0);
}
