/**
 * Evens out the loads of hosts and arrays: the largest as small as possible, then the next. Steepest descent with moves of one
 * unit to another host and swaps of two units, from the most loaded host downwards.
 */

import { at, type Packing } from './packing';
import { loadOf } from './problem';
import { Trial } from './trial';

export interface BalanceOptions {
  readonly units: readonly (readonly number[])[];
  /** Moves that may be looked at in all. */
  readonly steps: number;
  /** Says whether the changed packing may stay; it is asked once for each change that evens out. */
  readonly allows: () => boolean;
}

export function balance(packing: Packing, options: BalanceOptions): void {
  const descent = new Descent(packing, options);
  while (descent.improveOnce());
}

/** How many of the least loaded hosts are considered as a target. */
const MOST_TARGETS = 24;

class Descent {
  private steps = 0;
  /** Largest load of each host before the next move. */
  private load: Float64Array = new Float64Array();

  constructor(
    private readonly packing: Packing,
    private readonly options: BalanceOptions,
  ) {}

  /** One improving move, if there is any within the steps left. */
  improveOnce(): boolean {
    const { packing } = this;
    const { problem } = packing;
    const load = Float64Array.from({ length: problem.hostCount }, (_, host) => packing.maxLoadOfHost(host));
    this.load = load;
    const hosts = Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => at(problem.hostAvailable, host) === 1);
    hosts.sort((a, b) => at(load, b) - at(load, a) || a - b);
    const targets = hosts.slice(-MOST_TARGETS).reverse();
    for (const host of hosts) {
      if (this.steps >= this.options.steps) return false;
      const candidates = this.candidates(host, targets);
      for (const candidate of candidates) {
        const trial = new Trial(packing);
        if (!this.apply(trial, candidate)) throw new Error('a move that was just tried no longer applies');
        if (this.options.allows()) return true;
        trial.rollBack();
      }
    }
    return false;
  }

  /** The best few moves off the host that even out, best first. */
  private candidates(host: number, targets: readonly number[]): Move[] {
    const found: Move[] = [];
    const units = this.movableUnits(host);
    const theirs = new Map(targets.map((target) => [target, this.movableUnits(target)]));
    for (const unit of units) {
      for (const target of targets) {
        this.consider({ unit, from: host, to: target, swap: undefined, before: [], after: [] }, found);
        if (target === host) continue;
        for (const swap of theirs.get(target) ?? []) this.consider({ unit, from: host, to: target, swap, before: [], after: [] }, found);
        if (this.steps >= this.options.steps) return found;
      }
    }
    return found;
  }

  private consider(move: Move, found: Move[]): void {
    this.steps++;
    if (!this.couldHelp(move)) return;
    const before = this.loads(move);
    const trial = new Trial(this.packing);
    const possible = this.apply(trial, move);
    const after = possible ? this.loads(move) : before;
    trial.rollBack();
    if (!possible || compareLoads(after, before) >= 0) return;
    const candidate = { ...move, before, after };
    const place = found.findIndex((other) => isBetter(candidate, other));
    if (place >= 0) found.splice(place, 0, candidate);
    else found.push(candidate);
    if (found.length > MOST_CANDIDATES) found.pop();
  }

  /** A quick look at the rows of the two hosts: none may end above the higher of the two, or the move can't even out anything. */
  private couldHelp({ unit, swap, from, to }: Move): boolean {
    if (from === to) return true;
    const { problem, hostUsed } = this.packing;
    const most = Math.max(at(this.load, from), at(this.load, to));
    for (let row = 0; row < problem.hostRows; row++) {
      let moved = 0;
      for (const vm of unit) moved += at(problem.vmLoad, vm * problem.hostRows + row);
      if (swap !== undefined) for (const vm of swap) moved -= at(problem.vmLoad, vm * problem.hostRows + row);
      const [indexFrom, indexTo] = [from * problem.hostRows + row, to * problem.hostRows + row];
      const [usedFrom, usedTo] = [at(hostUsed, indexFrom) - moved, at(hostUsed, indexTo) + moved];
      if (usedTo > at(problem.hostCapacity, indexTo) && moved > 0) return false;
      if (usedFrom > at(problem.hostCapacity, indexFrom) && moved < 0) return false;
      if (!problem.hostRowBalanced[row]) continue;
      if (loadOf(usedTo, at(problem.hostCapacity, indexTo)) > most || loadOf(usedFrom, at(problem.hostCapacity, indexFrom)) > most) return false;
    }
    return true;
  }

  private apply(trial: Trial, move: Move): boolean {
    for (const vm of move.unit) trial.remove(vm);
    for (const vm of move.swap ?? []) trial.remove(vm);
    return move.unit.every((vm) => trial.tryAdd(vm, move.to)) && (move.swap ?? []).every((vm) => trial.tryAdd(vm, move.from));
  }

  /** Loads of the two hosts, largest first. The others don't change, so comparing these compares all. */
  private loads(move: Move): number[] {
    const loads: number[] = [];
    this.packing.hostLoads(move.from, loads);
    if (move.to !== move.from) this.packing.hostLoads(move.to, loads);
    return loads.sort(descending);
  }

  /** What can leave the host, as units: groups move whole. Ascending. */
  private movableUnits(host: number): number[][] {
    const { packing } = this;
    const units: number[][] = [];
    for (const vm of [...at(packing.hostVms, host)].sort((a, b) => a - b)) {
      const unit = at(this.options.units, vm).filter((member) => at(packing.vmHost, member) >= 0);
      if (unit[0] === vm && !unit.some((member) => packing.isFixed(member))) units.push(unit);
    }
    return units;
  }
}

const MOST_CANDIDATES = 4;

interface Move {
  readonly unit: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly swap: readonly number[] | undefined;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Compares what two moves leave of the whole: each one's own rows after, with the other's rows as they are. */
function isBetter(a: Move, b: Move): boolean {
  return compareLoads([...a.after, ...b.before].sort(descending), [...b.after, ...a.before].sort(descending)) < 0;
}

/** Both largest first: negative when `a` is the more even one. */
export function compareLoads(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const descending = (a: number, b: number) => b - a;
