/** What no placement can beat, by arguments simple enough to trust: each bound looks at one kind of resource at a time. */

import { at, Packing } from './packing';
import { loadOf, loadSteps, LOAD_STEPS, type Problem } from './problem';
import { RowTable } from './rowTable';

/** VMs that fit on no host even when only what is fixed is there. */
export function hopelessVms(problem: Problem): Set<number> {
  const packing = new Packing(problem, 'lifted');
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

/**
 * What every placement with just as many VMs at each level shares: which VMs run can differ, so a sum counts the smallest values, and
 * only a VM of a level where all run counts by itself.
 */
export class Ensemble {
  private readonly byLevel: readonly (readonly number[])[];
  private readonly running: readonly number[];
  private readonly empty: Packing;

  constructor(
    private readonly problem: Problem,
    hopeless: ReadonlySet<number>,
    out: readonly number[],
  ) {
    this.empty = new Packing(problem, 'lifted');
    const levels = Array.from({ length: levelCount(problem) }, (): number[] => []);
    for (let vm = 0; vm < problem.vmCount; vm++) if (!hopeless.has(vm) && !this.empty.isFixed(vm)) levels[at(problem.vmLevel, vm)]?.push(vm);
    this.byLevel = levels;
    this.running = levels.map((vms, level) => vms.length - (at(out, level) - countAtLevel(problem, hopeless, level)));
  }

  /** The least that a sum over the running VMs can be. */
  leastSum(value: (vm: number) => number): number {
    let sum = 0;
    for (let vm = 0; vm < this.problem.vmCount; vm++) if (this.empty.isFixed(vm)) sum += value(vm);
    this.byLevel.forEach((vms, level) => {
      const values = vms.map(value).sort((a, b) => a - b);
      for (const one of values.slice(0, at(this.running, level))) sum += one;
    });
    return sum;
  }

  /** Every VM that may run. */
  possible(): number[] {
    return [...Array.from({ length: this.problem.vmCount }, (_, vm) => vm).filter((vm) => this.empty.isFixed(vm)), ...this.byLevel.flat()];
  }

  /** The smallest largest load, in the objective's steps. */
  smallestMaxLoad(): number {
    const { problem, empty } = this;
    let bound = 0;
    for (let host = 0; host < problem.hostCount; host++) bound = Math.max(bound, empty.maxLoadOfHost(host));
    for (let row = 0; row < problem.hostRows; row++) {
      const used = this.leastSum((vm) => at(problem.vmLoad, vm * problem.hostRows + row));
      if (problem.hostRowBalanced[row]) bound = Math.max(bound, loadOf(used, this.hostTotal(row)));
    }
    for (let row = 0; row < problem.volumeRows; row++) {
      if (problem.volumeRowBalanced[row]) bound = Math.max(bound, loadOf(this.leastSum((vm) => this.localLoad(vm, row)), this.localTotal(row)));
    }
    const roomiest = Array.from({ length: problem.hostRows }, (_, row) => availableHosts(problem).reduce((most, host) => Math.max(most, at(problem.hostCapacity, host * problem.hostRows + row)), 0));
    for (const vm of this.certain()) {
      // Most VMs are small on the roomiest host; only of the others every host is looked at.
      const isLarge = roomiest.some((capacity, row) => problem.hostRowBalanced[row] && loadOf(at(problem.vmLoad, vm * problem.hostRows + row), capacity) > bound);
      if (isLarge) bound = Math.max(bound, aloneBound(empty, vm));
    }
    return loadSteps(bound);
  }

  /**
   * No placement has smaller loads, compared largest first: each place in turn has the smallest load at which the pool can still hold the sum of
   * each row if none of those behind it is larger. In hundredths, one a host.
   */
  smallestLoads(): readonly number[] {
    return this.loadBound()([]);
  }

  /** The same of placements whose largest loads are given. */
  loadBound(): (largest: readonly number[]) => readonly number[] {
    const { problem, empty } = this;
    const table = new RowTable(problem);
    const hosts = availableHosts(problem);
    const facts = Array.from({ length: problem.hostCount }, (_, host) => loadSteps(empty.maxLoadOfHost(host))).sort((a, b) => b - a);
    const first = Math.max(facts[0] ?? 0, this.smallestMaxLoad());
    const sums = Array.from({ length: table.rows }, (_, row) => row).filter((row) => table.balanced[row]).map((row) => this.rowSum(table, hosts, row));
    return (largest) => {
      const rows = sums.map(({ offers, need }) => new RowCapacity(offers, need));
      const loads: number[] = [];
      for (let rank = 0; rank < problem.hostCount; rank++) {
        const least = rank === 0 ? first : at(facts, rank);
        const load = largest[rank] ?? rows.reduce((most, row) => Math.max(most, row.smallestFor(rank)), least);
        loads.push(load);
        for (const row of rows) row.fix(rank, load);
      }
      return loads;
    };
  }

  private rowSum(table: RowTable, hosts: readonly number[], row: number): { readonly offers: readonly number[]; readonly need: number } {
    const offers = hosts.map((host) => Math.max(0, table.limit(host, row, LOAD_STEPS)));
    // What runs on nothing has no load that says how much it is.
    const misplaced = hosts.reduce((sum, host, rank) => (at(offers, rank) > 0 ? sum : sum + table.used(this.empty, host, row)), 0);
    return { offers, need: this.leastSum((vm) => at(table.load, vm * table.rows + row)) - misplaced };
  }

  /** The fewest hosts that can be in use: those that run something already, and those whose sums hold the rest. */
  fewestHosts(): number {
    const { problem, empty } = this;
    let bound = empty.hostVms.filter((vms) => vms.length > 0).length;
    for (let row = 0; row < problem.hostRows; row++) {
      // What runs already may overfill its host; it needs no further one.
      let need = this.leastSum((vm) => (empty.isFixed(vm) ? 0 : at(problem.vmLoad, vm * problem.hostRows + row)));
      const capacities = availableHosts(problem).map((host) => at(problem.hostCapacity, host * problem.hostRows + row));
      capacities.sort((a, b) => b - a);
      let hosts = 0;
      while (need > 0 && hosts < capacities.length) need -= at(capacities, hosts++);
      bound = Math.max(bound, hosts);
    }
    return bound;
  }

  /** VMs that run in every such placement, without those that are fixed. */
  certain(): number[] {
    return this.byLevel.flatMap((vms, level) => (vms.length === at(this.running, level) ? vms : []));
  }

  private hostTotal(row: number): number {
    return availableHosts(this.problem).reduce((sum, host) => sum + at(this.problem.hostCapacity, host * this.problem.hostRows + row), 0);
  }

  /** Load on the arrays of available hosts, wherever its disks lie there. */
  private localLoad(vm: number, row: number): number {
    const { problem } = this;
    let load = 0;
    for (const disk of at(problem.vmDisks, vm)) {
      const only = at(problem.diskVolume, disk);
      const owner = only < 0 ? -1 : at(problem.volumeHost, only);
      const isLocal = only < 0 || (owner >= 0 && at(problem.hostAvailable, owner) === 1);
      if (isLocal && at(problem.diskIgnored, disk) === 0) load += at(problem.diskLoad, disk * problem.volumeRows + row);
    }
    return load;
  }

  private localTotal(row: number): number {
    const { problem } = this;
    let total = 0;
    for (const host of availableHosts(problem)) for (const volume of at(problem.hostVolumes, host)) total += at(problem.volumeCapacity, volume * problem.volumeRows + row);
    return total;
  }
}

export function levelCount(problem: Problem): number {
  return problem.vmLevel.reduce((most, level) => Math.max(most, level + 1), 0);
}

function availableHosts(problem: Problem): number[] {
  return Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => at(problem.hostAvailable, host) === 1);
}

export function countAtLevel(problem: Problem, vms: ReadonlySet<number>, level: number): number {
  let count = 0;
  for (const vm of vms) if (at(problem.vmLevel, vm) === level) count++;
  return count;
}

/** How much of one row the hosts can hold when their loads, largest first, are at most a given series. */
class RowCapacity {
  /** Largest first. */
  private readonly offers: readonly number[];
  /** By rank: what the hosts from there on offer together. */
  private readonly rest: number[];
  /** Hosts that are all alike hold whole units each; of unlike ones the larger loads are reckoned to the roomier hosts. */
  private readonly isUniform: boolean;
  private held = 0;

  constructor(
    offers: readonly number[],
    private readonly need: number,
  ) {
    this.offers = [...offers].sort((a, b) => b - a);
    this.rest = new Array<number>(offers.length + 1).fill(0);
    for (let rank = offers.length - 1; rank >= 0; rank--) this.rest[rank] = at(this.rest, rank + 1) + at(this.offers, rank);
    this.isUniform = this.offers.every((offer) => offer === this.offers[0]);
  }

  /** The smallest load for the host at this rank, and at most that for those behind it, with which the row holds what it must. */
  smallestFor(rank: number): number {
    let [low, high] = [0, LOAD_STEPS];
    while (low < high) {
      const step = (low + high) >> 1;
      const behind = this.isUniform ? (this.offers.length - rank) * this.within(rank, step) : (at(this.rest, rank) * step) / LOAD_STEPS;
      if (this.held + behind >= this.need) high = step;
      else low = step + 1;
    }
    return low;
  }

  /** The host at this rank has this load. */
  fix(rank: number, step: number): void {
    this.held += this.within(rank, step);
  }

  private within(rank: number, step: number): number {
    const held = ((this.offers[rank] ?? 0) * step) / LOAD_STEPS;
    return this.isUniform ? Math.floor(held) : held;
  }
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
