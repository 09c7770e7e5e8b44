/**
 * Which VMs would find no room if hosts failed: really placed anew on what is left, their local disks counted as lost with
 * the host and made again elsewhere. VMs on surviving hosts stay where they are.
 */

import type { Ensemble } from './bounds';
import { bestHost, type Preference } from './greedy';
import { at, Packing } from './packing';
import { FULL_LOAD, loadOf, type Problem, type Solution } from './problem';

export interface Failure {
  readonly hosts: readonly number[];
  /** VMs without room after this failure, in placing order. */
  readonly lost: readonly number[];
}

/** Beyond this many sets of failing hosts only those of the first hosts by number are looked at. */
const MOST_FAILURES = 20_000;

export class FailureCheck {
  private readonly problem: Problem;
  private readonly sets: readonly (readonly number[])[];

  constructor(
    private readonly original: Problem,
    private readonly order: readonly number[],
  ) {
    this.problem = problemAfterFailure(original);
    const hosts = Array.from({ length: original.hostCount }, (_, host) => host).filter((host) => at(original.hostAvailable, host) === 1);
    this.sets = combinations(hosts, Math.min(original.survive, hosts.length));
  }

  /** Tries to put a VM on a host that looking at every failure takes. */
  get looks(): number {
    return this.sets.length * this.original.vmCount * this.original.survive;
  }

  /** VMs without room, counted over all failures; once more than `enough` are found, it stops counting. */
  shortfall(solution: Solution, enough = Infinity): number {
    if (this.original.survive === 0) return 0;
    const packing = this.pack(solution);
    let count = 0;
    for (const hosts of this.sets) {
      count += this.fail(packing, hosts).lost.length;
      if (count > enough) break;
    }
    return count;
  }

  /** The failures after which something has no room. */
  failures(solution: Solution): Failure[] {
    if (this.original.survive === 0) return [];
    const packing = this.pack(solution);
    return this.sets.map((hosts) => this.fail(packing, hosts)).filter((failure) => failure.lost.length > 0);
  }

  /** As `shortfall`, with the bulk of who is lost: what a search can follow where numbers of VMs don't change. `size` by VM. */
  weightOf(solution: Solution, size: ArrayLike<number>): { readonly count: number; readonly bulk: number } {
    const packing = this.pack(solution);
    let [count, bulk] = [0, 0];
    for (const hosts of this.sets) {
      for (const vm of this.fail(packing, hosts).lost) [count, bulk] = [count + 1, bulk + at(size, vm)];
    }
    return { count, bulk };
  }

  /**
   * No placement of as many VMs has a smaller shortfall: after each failure those are lost that may run nowhere else, and at least as many as must
   * go, the bulkiest first, until what is left of the pool holds the rest. A VM is on one host only, so it makes up for no more failures than that
   * host has a part in.
   */
  lowerBound(ensemble: Ensemble): number {
    if (this.original.survive === 0) return 0;
    const { hostRows, hostCapacity, hostAvailable, vmLoad } = this.original;
    const { hostUsed } = new Packing(this.original);
    // A host may be overfull with what runs already.
    const most = hostCapacity.map((capacity, index) => Math.max(capacity, at(hostUsed, index)));
    const rows = Array.from({ length: hostRows }, (_, row) => {
      const loads = ensemble.possible().map((vm) => at(vmLoad, vm * hostRows + row)).sort((a, b) => b - a);
      const capacity = (failing: readonly number[]) => hostAvailable.reduce((sum, available, host) => (available === 1 && !failing.includes(host) ? sum + at(most, host * hostRows + row) : sum), 0);
      return { need: ensemble.leastSum((vm) => at(vmLoad, vm * hostRows + row)), loads, capacity };
    });
    const { vmAllowedAnew, survive } = this.original;
    const somePinned = ensemble.possible().some((vm) => at(vmAllowedAnew, vm).reduce((sum, allowed) => sum + allowed, 0) <= survive);
    const each = this.sets.reduce((total, failing) => {
      const pinned = somePinned ? ensemble.leastSum((vm) => Number(this.isCertainLoss(vm, failing))) : 0;
      const tooMany = rows.map(({ need, loads, capacity }) => fewestToDrop(loads, need - capacity(failing)));
      return total + Math.max(pinned, ...tooMany);
    }, 0);
    const shares = hostAvailable.map((_, host) => this.sets.reduce((count, failing) => count + Number(failing.includes(host)), 0));
    const share = shares.reduce((most, count) => Math.max(most, count), 0);
    const together = rows.map(({ need, loads, capacity }) => fewestToShare(loads, this.sets.map((failing) => need - capacity(failing)), share));
    return Math.max(each, ...together);
  }

  /** Whether the VM may run on the failing hosts only, and surely does. */
  private isCertainLoss(vm: number, failing: readonly number[]): boolean {
    return at(this.original.vmAllowedAnew, vm).every((allowed, host) => allowed === 0 || failing.includes(host)) && this.certainlyOn(vm, failing);
  }

  /** Whether the VM is on one of the hosts whatever the placement. */
  private certainlyOn(vm: number, hosts: readonly number[]): boolean {
    const fixed = at(this.original.vmFixedHost, vm);
    return fixed >= 0 ? hosts.includes(fixed) : at(this.original.vmAllowed, vm).every((allowed, host) => allowed === 0 || hosts.includes(host));
  }

  private fail(packing: Packing, hosts: readonly number[]): Failure {
    const failed = this.order.filter((vm) => hosts.includes(at(packing.vmHost, vm)));
    if (failed.length === 0) return { hosts, lost: [] };
    const before = failed.map((vm) => ({ vm, host: at(packing.vmHost, vm), volumes: packing.volumesOf(vm) }));
    for (const vm of failed) packing.remove(vm);
    let lost = this.replace(packing, failed, hosts, 'tight');
    if (lost.length > 0) {
      const second = this.replace(packing, failed, hosts, 'even');
      if (second.length < lost.length) lost = second;
    }
    for (const { vm, host, volumes } of before) packing.restore(vm, host, volumes);
    return { hosts, lost };
  }

  private replace(packing: Packing, failed: readonly number[], without: readonly number[], preference: Preference): number[] {
    const lost = failed.filter((vm) => {
      const host = this.roomFor(packing, vm, without, preference);
      return host < 0 || !packing.tryAdd(vm, host);
    });
    for (const vm of failed) if (at(packing.vmHost, vm) >= 0) packing.remove(vm);
    return lost;
  }

  /** As `bestHost`, but judged by the host's own rows alone: thousands of failures are looked at for one plan. */
  private roomFor(packing: Packing, vm: number, without: readonly number[], preference: Preference): number {
    if (packing.index !== undefined) return bestHost(packing, vm, [vm], preference, new Set(without));
    const { hostRows, hostCapacity, vmLoad } = this.problem;
    let [best, bestScore] = [-1, Infinity];
    for (let host = 0; host < this.problem.hostCount; host++) {
      if (without.includes(host)) continue;
      let load = 0;
      for (let row = 0; row < hostRows; row++) load = Math.max(load, loadOf(at(packing.hostUsed, host * hostRows + row) + at(vmLoad, vm * hostRows + row), at(hostCapacity, host * hostRows + row)));
      const score = preference === 'tight' ? -load : load;
      if (load > FULL_LOAD || score >= bestScore || !packing.fits(vm, host)) continue;
      [best, bestScore] = [host, score];
    }
    return best;
  }

  private pack(solution: Solution): Packing {
    const packing = new Packing(this.problem);
    const { volumeRows, volumeRowLasting, diskLoad, diskHome } = this.original;
    for (let disk = 0; disk < this.original.diskCount; disk++) {
      // The disks of VMs that aren't placed keep their space.
      const home = at(diskHome, disk);
      if (home < 0 || at(this.problem.diskHome, disk) >= 0 || at(solution.vmHost, at(this.original.diskVm, disk)) >= 0) continue;
      for (let row = 0; row < volumeRows; row++) {
        const index = home * volumeRows + row;
        if (volumeRowLasting[row]) packing.volumeUsed[index] = at(packing.volumeUsed, index) + at(diskLoad, disk * volumeRows + row);
      }
    }
    packing.load(solution);
    return packing;
  }
}

/** How many of the loads, sorted largest first, it takes to make up for the excess. */
function fewestToDrop(loads: readonly number[], excess: number): number {
  let [dropped, sum] = [0, 0];
  while (sum < excess && dropped < loads.length) sum += at(loads, dropped++);
  return dropped;
}

/** The fewest losses over all failures when one VM can be lost in `share` of them, and makes up for no more than the largest excess each time. */
function fewestToShare(loads: readonly number[], excesses: readonly number[], share: number): number {
  let [sum, most] = [0, 0];
  for (const excess of excesses) [sum, most] = [sum + Math.max(0, excess), Math.max(most, excess)];
  let losses = 0;
  for (const load of loads) {
    if (sum <= 0 || load <= 0) break;
    const times = Math.min(share, Math.ceil(sum / Math.min(load, most)));
    losses += times;
    sum -= times * Math.min(load, most);
  }
  return losses;
}

/** The same problem with local disks that can be made again anywhere and nothing fixed. */
function problemAfterFailure(problem: Problem): Problem {
  const local = (disk: number, volume: number) => volume >= 0 && at(problem.volumeHost, volume) >= 0 && at(problem.diskIgnored, disk) === 0;
  return {
    ...problem,
    vmAllowed: problem.vmAllowedAnew,
    vmFixedHost: new Int32Array(problem.vmCount).fill(-1),
    vmRunningHost: new Int32Array(problem.vmCount).fill(-1),
    diskMoveBytes: new Float64Array(problem.diskCount),
    maxMoves: Infinity,
    diskHome: problem.diskHome.map((volume, disk) => (local(disk, volume) ? -1 : volume)),
    diskVolume: problem.diskVolume.map((volume, disk) => (local(disk, volume) ? -1 : volume)),
  };
}

/** All sets of `size` of the items, in order. */
function combinations(items: readonly number[], size: number): number[][] {
  if (size === 0) return [];
  let considered = items.length;
  while (binomial(considered, size) > MOST_FAILURES) considered--;
  const sets: number[][] = [];
  const extend = (set: readonly number[], from: number) => {
    if (set.length === size) {
      sets.push([...set]);
      return;
    }
    for (let i = from; i < considered; i++) extend([...set, at(items, i)], i + 1);
  };
  extend([], 0);
  return sets;
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}
