/** A placement in the making: who is where, what is used, and whether one more VM fits. Every change is O(rows of the VM). */

import { HostIndex } from './hostIndex';
import { loadOf, type Problem, type Solution } from './problem';

export class Packing {
  readonly vmHost: Int32Array;
  readonly diskVolume: Int32Array;
  readonly hostUsed: Float64Array;
  readonly volumeUsed: Float64Array;
  /** VMs on each host, in no particular but a reproducible order. */
  readonly hostVms: readonly number[][];
  /** Kept only for pools with too many hosts to look at each. */
  readonly index: HostIndex | undefined;
  private readonly slot: Int32Array;
  private readonly togetherHost: Int32Array;
  private readonly togetherCount: Int32Array;
  /** Volumes chosen by the last successful `fits`, one a disk of the VM. */
  private readonly chosen: Int32Array;
  private readonly trial: Int32Array;
  /** 1 for a disk that takes no space at its home while its VM waits. */
  private readonly lifted: Uint8Array;
  /** Disks on each volume that aren't at home there. */
  private readonly guests: Int32Array;
  private readonly movesAreLimited: boolean;
  private movedVms = 0;

  /**
   * Holds what is fixed, and the space of disks that exist. Those that may be moved take theirs at home while their VM waits, or none when `waiting` is
   * `lifted`: a search that decides one VM after the other must not take a home for occupied that is given up later.
   */
  constructor(
    readonly problem: Problem,
    waiting: 'at home' | 'lifted' = 'at home',
  ) {
    this.vmHost = new Int32Array(problem.vmCount).fill(-1);
    this.diskVolume = Int32Array.from(problem.diskHome);
    this.hostUsed = new Float64Array(problem.hostCount * problem.hostRows);
    this.volumeUsed = new Float64Array(problem.volumeCount * problem.volumeRows);
    this.hostVms = Array.from({ length: problem.hostCount }, () => []);
    this.index = problem.hostCount > MANY_HOSTS ? new HostIndex(problem.hostCount) : undefined;
    this.slot = new Int32Array(problem.vmCount).fill(-1);
    let groups = 0;
    for (const group of problem.vmTogether) groups = Math.max(groups, group + 1);
    this.togetherHost = new Int32Array(groups).fill(-1);
    this.togetherCount = new Int32Array(groups);
    const mostDisks = problem.vmDisks.reduce((most, disks) => Math.max(most, disks.length), 0);
    this.chosen = new Int32Array(mostDisks).fill(-1);
    this.trial = new Int32Array(mostDisks).fill(-1);
    this.lifted = new Uint8Array(problem.diskCount);
    this.guests = new Int32Array(problem.volumeCount);
    this.movesAreLimited = Number.isFinite(problem.maxMoves);
    for (let disk = 0; disk < problem.diskCount; disk++) {
      if (waiting === 'lifted' && at(problem.diskVolume, disk) < 0 && at(problem.diskHome, disk) >= 0) this.lifted[disk] = 1;
      else this.addLasting(disk, at(problem.diskHome, disk), 1);
    }
    for (let vm = 0; vm < problem.vmCount; vm++) {
      const host = at(problem.vmFixedHost, vm);
      if (host >= 0) this.settle(vm, host);
    }
  }

  /**
   * Whether the VM may be added to the host. Only rows it adds to are looked at: what already runs is a fact, and an
   * overfull row is no reason against a VM that takes nothing of it.
   */
  fits(vm: number, host: number): boolean {
    const { problem } = this;
    if (at(at(problem.vmAllowed, vm), host) === 0) return false;
    const group = at(problem.vmTogether, vm);
    if (group >= 0 && at(this.togetherCount, group) > 0 && at(this.togetherHost, group) !== host) return false;
    for (const other of at(problem.vmApart, vm)) if (at(this.vmHost, other) === host) return false;
    for (let row = 0; row < problem.hostRows; row++) {
      const load = at(problem.vmLoad, vm * problem.hostRows + row);
      const index = host * problem.hostRows + row;
      if (load > 0 && at(this.hostUsed, index) + load > at(problem.hostCapacity, index)) return false;
    }
    return this.chooseVolumes(vm, host) && !this.movesTooMany(vm, host);
  }

  /** Adds the VM, its disks on the volumes that `fits(vm, host)` has just found. */
  add(vm: number, host: number): void {
    const disks = at(this.problem.vmDisks, vm);
    for (let i = 0; i < disks.length; i++) this.putDisk(at(disks, i), at(this.chosen, i));
    this.enter(vm, host);
  }

  tryAdd(vm: number, host: number): boolean {
    if (!this.fits(vm, host)) return false;
    this.add(vm, host);
    return true;
  }

  /** Puts the VM back exactly where it was, disks and all; undoes a `remove`. */
  restore(vm: number, host: number, volumes: readonly number[]): void {
    const disks = at(this.problem.vmDisks, vm);
    for (let i = 0; i < disks.length; i++) this.putDisk(at(disks, i), at(volumes, i));
    this.enter(vm, host);
  }

  /**
   * Decides that a waiting VM stays out: its lifted disks lie at their homes after all. False when one of these has no room for them because of what was
   * put there; the disks lie there all the same until `liftAgain`.
   */
  leaveOut(vm: number): boolean {
    const { problem } = this;
    let fits = true;
    for (const disk of at(problem.vmDisks, vm)) {
      if (at(this.lifted, disk) === 0) continue;
      const home = at(problem.diskHome, disk);
      this.lifted[disk] = 0;
      this.addLasting(disk, home, 1);
      fits = fits && this.withinOrFact(home);
    }
    return fits;
  }

  /** Whether the disks of a VM that is out have room at their homes beside what was put there. */
  hasRoomAtHome(vm: number): boolean {
    for (const disk of at(this.problem.vmDisks, vm)) if (at(this.problem.diskMoveBytes, disk) > 0 && !this.withinOrFact(at(this.problem.diskHome, disk))) return false;
    return true;
  }

  hasMovableDisk(vm: number): boolean {
    for (const disk of at(this.problem.vmDisks, vm)) if (at(this.problem.diskMoveBytes, disk) > 0) return true;
    return false;
  }

  /** Undoes `leaveOut` of a packing whose waiting disks are lifted. */
  liftAgain(vm: number): void {
    for (const disk of at(this.problem.vmDisks, vm)) {
      if (at(this.problem.diskVolume, disk) >= 0 || at(this.problem.diskHome, disk) < 0) continue;
      this.lifted[disk] = 1;
      this.addLasting(disk, at(this.problem.diskHome, disk), -1);
    }
  }

  /** Whether every volume row that the placed VM's disks add to holds, and it isn't one moved too many: what `fits` asks, for volumes chosen by somebody else. */
  isWithin(vm: number): boolean {
    const { problem } = this;
    if (this.movesAreLimited && this.movedVms > problem.maxMoves) return false;
    for (const disk of at(problem.vmDisks, vm)) {
      const volume = at(this.diskVolume, disk);
      if (volume < 0 || at(problem.diskIgnored, disk) === 1) continue;
      const isFact = volume === at(problem.diskHome, disk) && at(this.guests, volume) === 0;
      for (let row = 0; row < problem.volumeRows; row++) {
        const index = volume * problem.volumeRows + row;
        if (at(problem.diskLoad, disk * problem.volumeRows + row) === 0 || (isFact && problem.volumeRowLasting[row])) continue;
        if (at(this.volumeUsed, index) > at(problem.volumeCapacity, index)) return false;
      }
    }
    return true;
  }

  /** Whether the placed VM has left the host it runs on, or one of its disks its home. */
  isMoved(vm: number): boolean {
    const { problem } = this;
    const now = at(problem.vmRunningHost, vm);
    if (now >= 0 && at(this.vmHost, vm) !== now) return true;
    for (const disk of at(problem.vmDisks, vm)) if (at(problem.diskMoveBytes, disk) > 0 && at(this.diskVolume, disk) !== at(problem.diskHome, disk)) return true;
    return false;
  }

  volumesOf(vm: number): number[] {
    return Array.from(at(this.problem.vmDisks, vm), (disk) => at(this.diskVolume, disk));
  }

  remove(vm: number): void {
    const { problem } = this;
    const host = at(this.vmHost, vm);
    const peers = at(this.hostVms, host);
    const last = at(peers, peers.length - 1);
    const slot = at(this.slot, vm);
    peers[slot] = last;
    this.slot[last] = slot;
    peers.pop();
    if (this.movesAreLimited && this.isMoved(vm)) this.movedVms--;
    this.slot[vm] = -1;
    this.vmHost[vm] = -1;
    for (let row = 0; row < problem.hostRows; row++) {
      const index = host * problem.hostRows + row;
      this.hostUsed[index] = at(this.hostUsed, index) - at(problem.vmLoad, vm * problem.hostRows + row);
    }
    for (const disk of at(problem.vmDisks, vm)) this.takeDisk(disk);
    const group = at(problem.vmTogether, vm);
    if (group >= 0) this.togetherCount[group] = at(this.togetherCount, group) - 1;
    this.index?.update(host, this.maxLoadOfHost(host));
  }

  isFixed(vm: number): boolean {
    return at(this.problem.vmFixedHost, vm) >= 0;
  }

  /** Appends the loads of the host's balanced rows, in ten-thousandths. */
  hostLoads(host: number, into: number[]): void {
    const { problem } = this;
    for (let row = 0; row < problem.hostRows; row++) {
      const index = host * problem.hostRows + row;
      if (problem.hostRowBalanced[row]) into.push(loadOf(at(this.hostUsed, index), at(problem.hostCapacity, index)));
    }
    for (const volume of at(problem.hostVolumes, host)) {
      for (let row = 0; row < problem.volumeRows; row++) {
        const index = volume * problem.volumeRows + row;
        if (problem.volumeRowBalanced[row]) into.push(loadOf(at(this.volumeUsed, index), at(problem.volumeCapacity, index)));
      }
    }
  }

  /** In ten-thousandths. */
  maxLoadOfHost(host: number): number {
    const { problem } = this;
    let most = 0;
    for (let row = 0; row < problem.hostRows; row++) {
      const index = host * problem.hostRows + row;
      if (problem.hostRowBalanced[row]) most = Math.max(most, loadOf(at(this.hostUsed, index), at(problem.hostCapacity, index)));
    }
    for (const volume of at(problem.hostVolumes, host)) {
      for (let row = 0; row < problem.volumeRows; row++) {
        const index = volume * problem.volumeRows + row;
        if (problem.volumeRowBalanced[row]) most = Math.max(most, loadOf(at(this.volumeUsed, index), at(problem.volumeCapacity, index)));
      }
    }
    return most;
  }

  solution(): Solution {
    return { vmHost: this.vmHost.slice(), diskVolume: this.diskVolume.slice() };
  }

  /** Becomes the solution, whatever it held before. */
  load(solution: Solution): void {
    for (let vm = 0; vm < this.problem.vmCount; vm++) if (at(this.vmHost, vm) >= 0 && !this.isFixed(vm)) this.remove(vm);
    for (let vm = 0; vm < this.problem.vmCount; vm++) {
      const host = at(solution.vmHost, vm);
      if (host < 0 || this.isFixed(vm)) continue;
      this.restore(vm, host, Array.from(at(this.problem.vmDisks, vm), (disk) => at(solution.diskVolume, disk)));
    }
  }

  private settle(vm: number, host: number): void {
    for (const disk of at(this.problem.vmDisks, vm)) this.putDisk(disk, at(this.problem.diskVolume, disk));
    this.enter(vm, host);
  }

  private enter(vm: number, host: number): void {
    const { problem } = this;
    const peers = at(this.hostVms, host);
    this.vmHost[vm] = host;
    if (this.movesAreLimited && this.isMoved(vm)) this.movedVms++;
    this.slot[vm] = peers.length;
    peers.push(vm);
    for (let row = 0; row < problem.hostRows; row++) {
      const index = host * problem.hostRows + row;
      this.hostUsed[index] = at(this.hostUsed, index) + at(problem.vmLoad, vm * problem.hostRows + row);
    }
    const group = at(problem.vmTogether, vm);
    if (group >= 0) {
      this.togetherHost[group] = host;
      this.togetherCount[group] = at(this.togetherCount, group) + 1;
    }
    this.index?.update(host, this.maxLoadOfHost(host));
  }

  private putDisk(disk: number, volume: number): void {
    const { problem } = this;
    if (at(problem.diskIgnored, disk) === 1 || volume < 0) return;
    const home = at(problem.diskHome, disk);
    const isLifted = at(this.lifted, disk) === 1;
    if (volume !== home) {
      if (!isLifted) this.addLasting(disk, home, -1);
      this.addLasting(disk, volume, 1);
      this.guests[volume] = at(this.guests, volume) + 1;
    } else if (isLifted) this.addLasting(disk, home, 1);
    this.diskVolume[disk] = volume;
    this.addWorking(disk, volume, 1);
  }

  private takeDisk(disk: number): void {
    const { problem } = this;
    const volume = at(this.diskVolume, disk);
    if (at(problem.diskIgnored, disk) === 1 || volume < 0) return;
    const home = at(problem.diskHome, disk);
    this.addWorking(disk, volume, -1);
    const isLifted = at(this.lifted, disk) === 1;
    if (volume !== home) {
      this.addLasting(disk, volume, -1);
      this.guests[volume] = at(this.guests, volume) - 1;
      if (!isLifted) this.addLasting(disk, home, 1);
    } else if (isLifted) this.addLasting(disk, home, -1);
    this.diskVolume[disk] = home;
  }

  private addLasting(disk: number, volume: number, sign: 1 | -1): void {
    this.addRows(disk, volume, sign, true);
  }

  private addWorking(disk: number, volume: number, sign: 1 | -1): void {
    this.addRows(disk, volume, sign, false);
  }

  private addRows(disk: number, volume: number, sign: 1 | -1, lasting: boolean): void {
    if (volume < 0) return;
    const { problem } = this;
    for (let row = 0; row < problem.volumeRows; row++) {
      if (problem.volumeRowLasting[row] !== lasting) continue;
      const index = volume * problem.volumeRows + row;
      this.volumeUsed[index] = at(this.volumeUsed, index) + sign * at(problem.diskLoad, disk * problem.volumeRows + row);
    }
  }

  /** Whether the VM, with the volumes just chosen, would be one moved too many. */
  private movesTooMany(vm: number, host: number): boolean {
    const { problem } = this;
    if (!this.movesAreLimited || this.movedVms < problem.maxMoves) return false;
    const now = at(problem.vmRunningHost, vm);
    if (now >= 0 && now !== host) return true;
    const disks = at(problem.vmDisks, vm);
    for (let i = 0; i < disks.length; i++) if (this.costOf(at(disks, i), at(this.chosen, i)) > 0) return true;
    return false;
  }

  private costOf(disk: number, volume: number): number {
    return volume === at(this.problem.diskHome, disk) ? 0 : at(this.problem.diskMoveBytes, disk);
  }

  /** Whether what lies on the volume fits, or is but what lay there before. */
  private withinOrFact(volume: number): boolean {
    const { problem } = this;
    if (at(this.guests, volume) === 0) return true;
    for (let row = 0; row < problem.volumeRows; row++) {
      const index = volume * problem.volumeRows + row;
      if (problem.volumeRowLasting[row] && at(this.volumeUsed, index) > at(problem.volumeCapacity, index)) return false;
    }
    return true;
  }

  /**
   * Finds a volume for each disk: as few bytes moved as possible, then the busiest of the volumes as little loaded as possible. Exhaustive: a VM has few
   * disks and a host few arrays. Leaves its choice in `chosen`.
   */
  private chooseVolumes(vm: number, host: number): boolean {
    const disks = at(this.problem.vmDisks, vm);
    if (disks.length === 0) return true;
    const search = { disks, volumes: at(this.problem.hostVolumes, host), bestBytes: Infinity, best: Infinity, steps: 0 };
    this.chooseFrom(search, 0, 0, 0);
    return search.best < Infinity;
  }

  private chooseFrom(search: VolumeSearch, position: number, bytes: number, worst: number): void {
    if (bytes > search.bestBytes || (bytes === search.bestBytes && worst >= search.best) || search.steps > MOST_VOLUME_STEPS) return;
    if (position === search.disks.length) {
      search.bestBytes = bytes;
      search.best = worst;
      this.chosen.set(this.trial);
      return;
    }
    const disk = at(search.disks, position);
    const only = at(this.problem.diskVolume, disk);
    if (at(this.problem.diskIgnored, disk) === 1) {
      this.trial[position] = -1;
      this.chooseFrom(search, position + 1, bytes, worst);
      return;
    }
    const count = only >= 0 ? 1 : search.volumes.length;
    for (let i = 0; i < count; i++) {
      const volume = only >= 0 ? only : at(search.volumes, i);
      search.steps++;
      if (only < 0 && at(this.problem.volumeUsable, volume) === 0) continue;
      const load = this.loadWith(disk, volume);
      if (load === undefined) continue;
      const moved = bytes + this.costOf(disk, volume);
      this.trial[position] = volume;
      if (position === search.disks.length - 1) {
        this.chooseFrom(search, position + 1, moved, Math.max(worst, load));
        continue;
      }
      this.putDisk(disk, volume);
      this.chooseFrom(search, position + 1, moved, Math.max(worst, load));
      this.takeDisk(disk);
    }
  }

  /** The largest balanced load of the volume with this disk on it; undefined when it doesn't fit. */
  private loadWith(disk: number, volume: number): number | undefined {
    const { problem } = this;
    const atHome = volume === at(problem.diskHome, disk);
    // What lay there before may overfill it, as long as nothing was added.
    const isFact = atHome && at(this.guests, volume) === 0;
    const isCounted = atHome && at(this.lifted, disk) === 0;
    let worst = 0;
    for (let row = 0; row < problem.volumeRows; row++) {
      const isLasting = problem.volumeRowLasting[row];
      const load = at(problem.diskLoad, disk * problem.volumeRows + row);
      const index = volume * problem.volumeRows + row;
      const used = at(this.volumeUsed, index) + (isLasting && isCounted ? 0 : load);
      const capacity = at(problem.volumeCapacity, index);
      if (load > 0 && used > capacity && !(isLasting && isFact)) return undefined;
      if (problem.volumeRowBalanced[row]) worst = Math.max(worst, loadOf(used, capacity));
    }
    return worst;
  }
}

/** Up to here every host is looked at for every VM. */
const MANY_HOSTS = 128;

interface VolumeSearch {
  readonly disks: Int32Array;
  readonly volumes: Int32Array;
  bestBytes: number;
  best: number;
  steps: number;
}

/** Enough for 6 disks over 4 arrays; a VM beyond that gets the best found so far. */
const MOST_VOLUME_STEPS = 6000;

/** An element known to be there: indices come from the problem's own counts. */
export function at<T>(values: ArrayLike<T>, index: number): T {
  return values[index] as T;
}
