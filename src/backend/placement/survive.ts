/**
 * Which VMs would find no room if hosts failed: really placed anew on what is left, their local disks counted as lost with
 * the host and made again elsewhere. VMs on surviving hosts stay where they are.
 */

import { bestHost, type Preference } from './greedy';
import { unitsOf } from './order';
import { at, Packing } from './packing';
import type { Problem, Solution } from './problem';

export interface Failure {
  readonly hosts: readonly number[];
  /** VMs without room after this failure, in placing order. */
  readonly lost: readonly number[];
}

/** Beyond this many sets of failing hosts only those of the first hosts by number are looked at. */
const MOST_FAILURES = 20_000;

export class FailureCheck {
  private readonly problem: Problem;
  private readonly units: readonly (readonly number[])[];
  private readonly sets: readonly (readonly number[])[];

  constructor(
    private readonly original: Problem,
    private readonly order: readonly number[],
  ) {
    this.problem = problemAfterFailure(original);
    this.units = unitsOf(original, order);
    const hosts = Array.from({ length: original.hostCount }, (_, host) => host).filter((host) => at(original.hostAvailable, host) === 1);
    this.sets = combinations(hosts, Math.min(original.survive, hosts.length));
  }

  /** VMs without room, counted over all failures; 0 at once when the pool promises nothing. */
  shortfall(solution: Solution): number {
    return this.failures(solution).reduce((sum, failure) => sum + failure.lost.length, 0);
  }

  /** The failures after which something has no room. */
  failures(solution: Solution): Failure[] {
    if (this.original.survive === 0) return [];
    const packing = this.pack(solution);
    return this.sets.map((hosts) => this.fail(packing, hosts)).filter((failure) => failure.lost.length > 0);
  }

  /** After how many failures the VM is lost whatever the placement: it may run on the failing hosts only. */
  certainLosses(vm: number): number {
    const anew = at(this.original.vmAllowedAnew, vm);
    return this.sets.filter((failing) => anew.every((allowed, host) => allowed === 0 || failing.includes(host)) && this.certainlyOn(vm, failing)).length;
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
    const barred = new Set(without);
    const lost = failed.filter((vm) => {
      const host = bestHost(packing, vm, at(this.units, vm), preference, barred);
      return host < 0 || !packing.tryAdd(vm, host);
    });
    for (const vm of failed) if (at(packing.vmHost, vm) >= 0) packing.remove(vm);
    return lost;
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

/** The same problem with local disks that can be made again anywhere and nothing fixed. */
function problemAfterFailure(problem: Problem): Problem {
  const local = (disk: number, volume: number) => volume >= 0 && at(problem.volumeHost, volume) >= 0 && at(problem.diskIgnored, disk) === 0;
  return {
    ...problem,
    vmAllowed: problem.vmAllowedAnew,
    vmFixedHost: new Int32Array(problem.vmCount).fill(-1),
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
