/** The fewest VMs that find no room after failures, by trying every way to place them anew, with its own sums. */

import { at } from '../../src/backend/placement/packing';
import type { Problem, Solution } from '../../src/backend/placement/problem';

/** Over all sets of as many hosts as may fail; counting ends beyond `enough`. */
export function fewestLost(problem: Problem, solution: Solution, enough: number): number {
  const hosts = Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => problem.hostAvailable[host] === 1);
  let lost = 0;
  for (const failing of setsOf(hosts, Math.min(problem.survive, hosts.length))) {
    lost += new AfterFailure(problem, solution, failing).fewest();
    if (lost > enough) break;
  }
  return lost;
}

function setsOf(items: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) => setsOf(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]));
}

class AfterFailure {
  private readonly vmHost: number[];
  private readonly failed: readonly number[];
  private readonly used = new Map<string, number>();

  constructor(
    private readonly problem: Problem,
    solution: Solution,
    private readonly failing: readonly number[],
  ) {
    this.vmHost = Array.from(solution.vmHost, (host) => (failing.includes(host) ? -1 : host));
    this.failed = Array.from({ length: problem.vmCount }, (_, vm) => vm).filter((vm) => failing.includes(at(solution.vmHost, vm)));
    for (let vm = 0; vm < problem.vmCount; vm++) {
      if (at(this.vmHost, vm) >= 0) for (let row = 0; row < problem.hostRows; row++) this.take(`h${at(this.vmHost, vm)} ${row}`, at(problem.vmLoad, vm * problem.hostRows + row));
      for (const disk of at(problem.vmDisks, vm)) {
        const runs = at(this.vmHost, vm) >= 0;
        const isLost = this.failed.includes(vm) && this.isLocal(disk);
        const volume = at(solution.vmHost, vm) >= 0 && !this.isShared(disk) ? at(solution.diskVolume, disk) : runs ? at(solution.diskVolume, disk) : at(problem.diskHome, disk);
        if (!isLost && volume >= 0 && at(problem.diskIgnored, disk) === 0) this.takeDisk(disk, volume, runs, 1, true);
      }
    }
  }

  fewest(index = 0): number {
    const vm = this.failed[index];
    if (vm === undefined) return 0;
    let best = 1 + this.fewest(index + 1);
    for (let host = 0; host < this.problem.hostCount && best > 0; host++) {
      if (!this.mayRun(vm, host)) continue;
      for (const volumes of this.volumes(vm, host)) {
        this.put(vm, host, volumes, 1);
        if (this.holds(vm, host, volumes)) best = Math.min(best, this.fewest(index + 1));
        this.put(vm, host, volumes, -1);
      }
    }
    return best;
  }

  private mayRun(vm: number, host: number): boolean {
    const { vmAllowedAnew, vmApart, vmTogether, vmCount } = this.problem;
    if (this.failing.includes(host) || at(at(vmAllowedAnew, vm), host) === 0) return false;
    if (Array.from(at(vmApart, vm)).some((other) => at(this.vmHost, other) === host)) return false;
    const group = at(vmTogether, vm);
    return group < 0 || Array.from({ length: vmCount }, (_, other) => other).every((other) => other === vm || at(vmTogether, other) !== group || at(this.vmHost, other) < 0 || at(this.vmHost, other) === host);
  }

  private volumes(vm: number, host: number): number[][] {
    const usable = Array.from(at(this.problem.hostVolumes, host)).filter((volume) => at(this.problem.volumeUsable, volume) === 1);
    return Array.from(at(this.problem.vmDisks, vm)).reduce<number[][]>((choices, disk) => {
      const options = at(this.problem.diskIgnored, disk) === 1 ? [-1] : this.isShared(disk) ? [at(this.problem.diskVolume, disk)] : usable;
      return choices.flatMap((choice) => options.map((volume) => [...choice, volume]));
    }, [[]]);
  }

  private put(vm: number, host: number, volumes: readonly number[], sign: 1 | -1): void {
    this.vmHost[vm] = sign > 0 ? host : -1;
    for (let row = 0; row < this.problem.hostRows; row++) this.take(`h${host} ${row}`, sign * at(this.problem.vmLoad, vm * this.problem.hostRows + row));
    at(this.problem.vmDisks, vm).forEach((disk, position) => {
      const volume = at(volumes, position);
      if (volume >= 0) this.takeDisk(disk, volume, true, sign, !(this.isShared(disk) && at(this.problem.diskHome, disk) === volume));
    });
  }

  /** Whether every row of which the VM takes something holds it. */
  private holds(vm: number, host: number, volumes: readonly number[]): boolean {
    const { hostRows, hostCapacity, vmLoad, volumeRows, volumeCapacity, diskLoad } = this.problem;
    for (let row = 0; row < hostRows; row++) {
      if (at(vmLoad, vm * hostRows + row) > 0 && (this.used.get(`h${host} ${row}`) ?? 0) > at(hostCapacity, host * hostRows + row)) return false;
    }
    return Array.from(at(this.problem.vmDisks, vm)).every((disk, position) => {
      const volume = at(volumes, position);
      return volume < 0 || Array.from({ length: volumeRows }, (_, row) => row).every((row) => {
        const isThere = this.problem.volumeRowLasting[row] === true && this.isShared(disk) && at(this.problem.diskHome, disk) === volume;
        return isThere || at(diskLoad, disk * volumeRows + row) === 0 || (this.used.get(`v${volume} ${row}`) ?? 0) <= at(volumeCapacity, volume * volumeRows + row);
      });
    });
  }

  private takeDisk(disk: number, volume: number, runs: boolean, sign: 1 | -1, lasting: boolean): void {
    for (let row = 0; row < this.problem.volumeRows; row++) {
      const counts = this.problem.volumeRowLasting[row] === true ? lasting : runs;
      if (counts) this.take(`v${volume} ${row}`, sign * at(this.problem.diskLoad, disk * this.problem.volumeRows + row));
    }
  }

  private take(row: string, amount: number): void {
    this.used.set(row, (this.used.get(row) ?? 0) + amount);
  }

  private isShared(disk: number): boolean {
    const only = at(this.problem.diskVolume, disk);
    return only >= 0 && at(this.problem.volumeHost, only) < 0;
  }

  private isLocal(disk: number): boolean {
    return !this.isShared(disk);
  }
}
