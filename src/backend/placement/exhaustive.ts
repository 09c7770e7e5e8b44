/**
 * Depth-first search over all placements, for small problems and for proofs: either finishes within its node budget and then
 * knows the answer, or says that it doesn't know.
 */

import { at, type Packing } from './packing';
import type { Problem, Solution } from './problem';

export interface ExhaustiveResult {
  /** Whether the whole tree was searched: the best is then proven. */
  readonly complete: boolean;
  /** The best placement found that beats `toBeat`; absent when there is none. */
  readonly best?: Solution;
  readonly nodes: number;
}

/**
 * Looks for a placement of `order` that leaves fewer out, level by level, than `toBeat` (VMs left out by level).
 * VMs not in `order` and not fixed stay out. `packing` holds only what is fixed, the disks that may move lifted, and does so again afterwards.
 * `order` must be sorted by level.
 */
export function searchExhaustively(packing: Packing, order: readonly number[], toBeat: readonly number[], nodeBudget: number): ExhaustiveResult {
  const search = new Search(packing, order, [...toBeat], nodeBudget);
  search.descend(0);
  return { complete: search.nodes <= nodeBudget, nodes: search.nodes, ...(search.best === undefined ? {} : { best: search.best }) };
}

class Search {
  nodes = 0;
  best: Solution | undefined;
  private readonly problem: Problem;
  private readonly out: number[];
  /** Free and needed capacity over all hosts, for the rows that any VM needs. */
  private readonly need: Float64Array;
  /** 1 for hosts that something may move away from: staying there costs no move, and what stays out takes its space there. */
  private readonly isHome: Uint8Array;

  constructor(
    private readonly packing: Packing,
    private readonly order: readonly number[],
    private readonly toBeat: number[],
    private readonly nodeBudget: number,
  ) {
    this.problem = packing.problem;
    const levels = order.reduce((most, vm) => Math.max(most, at(packing.problem.vmLevel, vm) + 1), this.toBeat.length);
    while (this.toBeat.length < levels) this.toBeat.push(0);
    this.out = new Array<number>(levels).fill(0);
    this.need = suffixNeeds(this.problem, order);
    this.isHome = homesOf(this.problem);
  }

  descend(position: number): void {
    if (++this.nodes > this.nodeBudget) return;
    if (!this.canStillBeat()) return;
    if (position === this.order.length) {
      this.best = this.packing.solution();
      this.toBeat.splice(0, Infinity, ...this.out);
      return;
    }
    if (this.mustLeaveOut(position) && !this.canAffordOne()) return;
    const vm = at(this.order, position);
    for (let host = 0; host < this.problem.hostCount; host++) {
      // Of empty hosts that are alike only the first is tried.
      if (at(this.packing.hostVms, host).length === 0 && this.twinOf(host) !== host) continue;
      if (!this.packing.fits(vm, host)) continue;
      this.placeEveryWay(vm, host, position);
      if (this.nodes > this.nodeBudget) return;
    }
    const level = at(this.problem.vmLevel, vm);
    this.out[level] = at(this.out, level) + 1;
    if (this.packing.leaveOut(vm)) this.descend(position + 1);
    this.packing.liftAgain(vm);
    this.out[level] = at(this.out, level) - 1;
  }

  /** Every choice of volumes on the host matters: the roomiest for this VM may be the one the next one needs. */
  private placeEveryWay(vm: number, host: number, position: number): void {
    const disks = at(this.problem.vmDisks, vm);
    const free = Array.from(disks).filter((disk) => at(this.problem.diskVolume, disk) < 0 && at(this.problem.diskIgnored, disk) === 0);
    if (free.length === 0 || at(this.problem.hostVolumes, host).length === 1) {
      this.packing.add(vm, host);
      this.descend(position + 1);
      this.packing.remove(vm);
      return;
    }
    for (const volumes of this.choices(disks, host, 0)) {
      this.packing.restore(vm, host, volumes);
      if (this.packing.isWithin(vm)) this.descend(position + 1);
      this.packing.remove(vm);
    }
  }

  private *choices(disks: Int32Array, host: number, index: number): Generator<number[]> {
    if (index === disks.length) {
      yield [];
      return;
    }
    const disk = at(disks, index);
    const only = at(this.problem.diskVolume, disk);
    const here = only >= 0 || at(this.problem.diskIgnored, disk) === 1 ? [only] : Array.from(at(this.problem.hostVolumes, host)).filter((volume) => at(this.problem.volumeUsable, volume) === 1);
    for (const volume of here) for (const rest of this.choices(disks, host, index + 1)) yield [volume, ...rest];
  }

  private canStillBeat(): boolean {
    for (let level = 0; level < this.out.length; level++) {
      const difference = at(this.out, level) - at(this.toBeat, level);
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  /** Whether what remains can't all fit, by the sums over all hosts. */
  private mustLeaveOut(position: number): boolean {
    const { hostRows, hostCount, hostCapacity, hostAvailable } = this.problem;
    for (let row = 0; row < hostRows; row++) {
      let free = 0;
      for (let host = 0; host < hostCount; host++) {
        if (at(hostAvailable, host) === 0) continue;
        free += Math.max(0, at(hostCapacity, host * hostRows + row) - at(this.packing.hostUsed, host * hostRows + row));
      }
      if (at(this.need, position * hostRows + row) > free) return true;
    }
    return false;
  }

  /** Whether one more left out, at the least dear remaining level, could still beat the best. */
  private canAffordOne(): boolean {
    const cheapest = at(this.problem.vmLevel, at(this.order, this.order.length - 1));
    this.out[cheapest] = at(this.out, cheapest) + 1;
    const affordable = this.canStillBeat();
    this.out[cheapest] = at(this.out, cheapest) - 1;
    return affordable;
  }

  /** The first empty host that is like this one; itself when there is none before it. */
  private twinOf(host: number): number {
    for (let other = 0; other < host; other++) if (at(this.packing.hostVms, other).length === 0 && this.alike(other, host)) return other;
    return host;
  }

  private alike(a: number, b: number): boolean {
    const { problem } = this;
    if (at(this.isHome, a) === 1 || at(this.isHome, b) === 1) return false;
    const volumesA = at(problem.hostVolumes, a);
    const volumesB = at(problem.hostVolumes, b);
    if (volumesA.length !== volumesB.length) return false;
    for (let row = 0; row < problem.hostRows; row++) if (at(problem.hostCapacity, a * problem.hostRows + row) !== at(problem.hostCapacity, b * problem.hostRows + row)) return false;
    for (let i = 0; i < volumesA.length; i++) {
      const [volumeA, volumeB] = [at(volumesA, i), at(volumesB, i)];
      if (at(problem.volumeUsable, volumeA) !== at(problem.volumeUsable, volumeB)) return false;
      for (let row = 0; row < problem.volumeRows; row++) {
        const [indexA, indexB] = [volumeA * problem.volumeRows + row, volumeB * problem.volumeRows + row];
        if (at(problem.volumeCapacity, indexA) !== at(problem.volumeCapacity, indexB) || at(this.packing.volumeUsed, indexA) !== at(this.packing.volumeUsed, indexB)) return false;
      }
    }
    return this.order.every((vm) => at(at(problem.vmAllowed, vm), a) === at(at(problem.vmAllowed, vm), b));
  }
}

function homesOf(problem: Problem): Uint8Array {
  const homes = new Uint8Array(problem.hostCount);
  for (const host of problem.vmRunningHost) if (host >= 0) homes[host] = 1;
  for (let disk = 0; disk < problem.diskCount; disk++) {
    const home = at(problem.diskHome, disk);
    if (home >= 0 && at(problem.diskVolume, disk) < 0 && at(problem.volumeHost, home) >= 0) homes[at(problem.volumeHost, home)] = 1;
  }
  return homes;
}

/** `needs[position * hostRows + row]`: what the VMs from this position on need together. */
function suffixNeeds(problem: Problem, order: readonly number[]): Float64Array {
  const { hostRows } = problem;
  const needs = new Float64Array((order.length + 1) * hostRows);
  for (let position = order.length - 1; position >= 0; position--) {
    for (let row = 0; row < hostRows; row++) {
      needs[position * hostRows + row] = at(needs, (position + 1) * hostRows + row) + at(problem.vmLoad, at(order, position) * hostRows + row);
    }
  }
  return needs;
}
