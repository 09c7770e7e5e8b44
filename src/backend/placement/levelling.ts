/**
 * Brings every load down to a target: random moves and swaps off hosts above it, kept when the excess over the target doesn't grow. Where descent is
 * stuck because no single move helps the most loaded host, moves that cost nothing open the way.
 */

import { seededNumbers } from './order';
import { at, type Packing } from './packing';
import { loadOf, type Solution } from './problem';
import { Trial } from './trial';

export interface LevellingOptions {
  readonly units: readonly (readonly number[])[];
  /** Ten-thousandths. */
  readonly target: number;
  readonly steps: number;
}

/** The changed solution in which no load is above the target, if one was found. `packing` is changed in any case. */
export function level(packing: Packing, { units, target, steps }: LevellingOptions): Solution | undefined {
  const { problem } = packing;
  const random = seededNumbers(target);
  const hosts = Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => at(problem.hostAvailable, host) === 1);
  const above = new AboveTarget(packing, target);
  for (let step = 0; step < steps && above.hosts.length > 0; step++) {
    const from = at(above.hosts, random(above.hosts.length));
    const to = at(hosts, random(hosts.length));
    const unit = pick(packing, units, from, random);
    if (unit.length === 0) continue;
    const swap = to !== from && random(4) > 0 ? pick(packing, units, to, random) : [];
    if (to !== from && !above.couldHelp(unit, swap, from, to)) continue;
    const before = above.excess(from) + (to === from ? 0 : above.excess(to));
    const trial = new Trial(packing);
    for (const vm of unit) trial.remove(vm);
    for (const vm of swap) trial.remove(vm);
    const possible = unit.every((vm) => trial.tryAdd(vm, to)) && swap.every((vm) => trial.tryAdd(vm, from));
    if (possible && above.excess(from) + (to === from ? 0 : above.excess(to)) <= before) above.update(from, to);
    else trial.rollBack();
  }
  return above.hosts.length === 0 ? packing.solution() : undefined;
}

/** A random unit on the host that may move, empty when there is none. */
function pick(packing: Packing, units: readonly (readonly number[])[], host: number, random: (below: number) => number): number[] {
  const vms = at(packing.hostVms, host);
  if (vms.length === 0) return [];
  const unit = at(units, at(vms, random(vms.length))).filter((vm) => at(packing.vmHost, vm) >= 0);
  return unit.some((vm) => packing.isFixed(vm)) ? [] : unit;
}

/** The hosts with a load above the target. */
class AboveTarget {
  readonly hosts: number[] = [];
  private readonly slot: Int32Array;

  constructor(
    private readonly packing: Packing,
    private readonly target: number,
  ) {
    this.slot = new Int32Array(packing.problem.hostCount).fill(-1);
    for (let host = 0; host < packing.problem.hostCount; host++) this.update(host, host);
  }

  update(...changed: readonly number[]): void {
    for (const host of changed) {
      const slot = at(this.slot, host);
      const isAbove = this.packing.maxLoadOfHost(host) > this.target;
      if (isAbove && slot < 0) this.slot[host] = this.hosts.push(host) - 1;
      if (isAbove || slot < 0) continue;
      const last = at(this.hosts, this.hosts.length - 1);
      this.hosts[slot] = last;
      this.slot[last] = slot;
      this.hosts.pop();
      this.slot[host] = -1;
    }
  }

  /** Sum of what the host's loads have above the target. */
  excess(host: number): number {
    const loads: number[] = [];
    this.packing.hostLoads(host, loads);
    return loads.reduce((sum, load) => sum + Math.max(0, load - this.target), 0);
  }

  /** A quick look at the hosts' own rows: the excess there must not grow, and nothing overflow. */
  couldHelp(unit: readonly number[], swap: readonly number[], from: number, to: number): boolean {
    const { problem, hostUsed } = this.packing;
    let change = 0;
    for (let row = 0; row < problem.hostRows; row++) {
      let moved = 0;
      for (const vm of unit) moved += at(problem.vmLoad, vm * problem.hostRows + row);
      for (const vm of swap) moved -= at(problem.vmLoad, vm * problem.hostRows + row);
      const [indexFrom, indexTo] = [from * problem.hostRows + row, to * problem.hostRows + row];
      const [capacityFrom, capacityTo] = [at(problem.hostCapacity, indexFrom), at(problem.hostCapacity, indexTo)];
      const [usedFrom, usedTo] = [at(hostUsed, indexFrom), at(hostUsed, indexTo)];
      if ((moved > 0 && usedTo + moved > capacityTo) || (moved < 0 && usedFrom - moved > capacityFrom)) return false;
      if (!problem.hostRowBalanced[row]) continue;
      change += this.over(usedFrom - moved, capacityFrom) - this.over(usedFrom, capacityFrom) + this.over(usedTo + moved, capacityTo) - this.over(usedTo, capacityTo);
    }
    return change <= 0;
  }

  private over(used: number, capacity: number): number {
    return Math.max(0, loadOf(used, capacity) - this.target);
  }
}
