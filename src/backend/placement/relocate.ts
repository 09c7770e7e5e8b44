/**
 * Moves disks that exist and VMs that run, when that lets VMs in which would be left out, or bears failures better: first the cheapest single moves, then
 * repair, then everything goes back that needn't have moved, at last by exchanges.
 */

import { bestHost } from './greedy';
import { compareLevels, movedBytesOf, outByLevel } from './objective';
import { seededNumbers } from './order';
import { at, Packing } from './packing';
import type { Problem, Solution } from './problem';
import { repair } from './repair';
import { bringHome } from './search/homecoming';
import type { FailureCheck } from './survive';
import { Trial } from './trial';

export interface RelocateOptions {
  readonly order: readonly number[];
  readonly units: readonly (readonly number[])[];
  /** VMs that fit nowhere, whatever moves. */
  readonly hopeless: ReadonlySet<number>;
  readonly check: FailureCheck;
  readonly repairSteps: number;
  readonly walkSteps: number;
  readonly leastShortfall: number;
}

/** A solution that is no worse than `stayed`, in which nothing has moved yet. */
export function relocate(problem: Problem, stayed: Solution, options: RelocateOptions): Solution {
  const packing = new Packing(problem);
  packing.load(stayed);
  letIn(packing, options);
  const out = outByLevel(problem, packing.solution());
  if (out.some((count) => count > 0)) repair(packing, { ...options, steps: options.repairSteps, seed: problem.vmCount });
  if (compareLevels(outByLevel(problem, packing.solution()), outByLevel(problem, stayed)) === 0) packing.load(stayed);
  bearFailures(packing, options);
  goBack(packing, options);
  return walkHome(packing.solution(), packing, options);
}

/** Fewer bytes by exchanges that no single move leads to, if failures are borne no worse with them. */
function walkHome(reached: Solution, { problem }: Packing, { check, walkSteps }: RelocateOptions): Solution {
  const found = bringHome(problem, reached, { steps: walkSteps, random: seededNumbers(problem.vmCount + 5), leastBytes: 0, shouldStop: () => false });
  const enough = check.shortfall(reached);
  return check.shortfall(found, enough) <= enough ? found : reached;
}

/** Lets waiting VMs in, each by the one move or displacement that costs the fewest bytes, as long as there is one. */
function letIn(packing: Packing, options: RelocateOptions): void {
  for (const vm of options.order) {
    if (at(packing.vmHost, vm) >= 0 || options.hopeless.has(vm)) continue;
    const best = cheapestWayIn(packing, vm, options);
    if (best !== undefined) apply(packing, new Trial(packing), vm, best, options);
  }
}

interface WayIn {
  readonly host: number;
  /** Who has to leave the host for it, if anybody. */
  readonly leaves: number;
  readonly bytes: number;
}

function cheapestWayIn(packing: Packing, vm: number, options: RelocateOptions): WayIn | undefined {
  let best: WayIn | undefined;
  const consider = (host: number, leaves: number) => {
    const trial = new Trial(packing);
    const done = apply(packing, trial, vm, { host, leaves, bytes: 0 }, options);
    const bytes = trial.touched().reduce((sum, [other]) => sum + movedBytesOf(packing.problem, packing, other), 0);
    trial.rollBack();
    if (done && bytes < (best?.bytes ?? Infinity)) best = { host, leaves, bytes };
  };
  at(packing.problem.vmAllowed, vm).forEach((allowed, host) => {
    if (allowed === 0) return;
    consider(host, NOBODY);
    for (const other of [...at(packing.hostVms, host)].sort((a, b) => a - b)) if (!packing.isFixed(other)) consider(host, other);
  });
  return best;
}

const NOBODY = -1;

function apply(packing: Packing, trial: Trial, vm: number, { host, leaves }: WayIn, { units }: RelocateOptions): boolean {
  if (leaves === NOBODY) return trial.tryAdd(vm, host);
  const unit = at(units, leaves).filter((member) => at(packing.vmHost, member) === host);
  if (unit.some((member) => packing.isFixed(member))) return false;
  for (const member of unit) trial.remove(member);
  // They go first: until a disk has a new place it takes its space at home.
  const away = new Set([host]);
  const isGone = unit.every((member) => {
    const target = bestHost(packing, member, at(units, member), 'even', away);
    return target >= 0 && trial.tryAdd(member, target);
  });
  return isGone && trial.tryAdd(vm, host);
}

/** Moves single units as long as that lowers the shortfall. */
function bearFailures(packing: Packing, { units, check, leastShortfall, order }: RelocateOptions): void {
  let best = check.shortfall(packing.solution());
  for (const vm of order) {
    if (best <= leastShortfall) return;
    const unit = at(units, vm).filter((member) => at(packing.vmHost, member) >= 0);
    if (unit[0] !== vm || unit.some((member) => packing.isFixed(member))) continue;
    for (let host = 0; host < packing.problem.hostCount && best > leastShortfall; host++) {
      if (host === at(packing.vmHost, vm)) continue;
      const trial = new Trial(packing);
      for (const member of unit) trial.remove(member);
      const after = unit.every((member) => trial.tryAdd(member, host)) ? check.shortfall(packing.solution(), best) : Infinity;
      if (after < best) best = after;
      else trial.rollBack();
    }
  }
}

/** Takes moves back that nothing needs, those of the most bytes first. */
export function goBack(packing: Packing, { units, check }: Pick<RelocateOptions, 'units' | 'check'>): void {
  const { problem } = packing;
  const cost = (vm: number) => movedBytesOf(problem, packing, vm);
  const enough = check.shortfall(packing.solution());
  const moved = Array.from({ length: problem.vmCount }, (_, vm) => vm).filter((vm) => cost(vm) > 0);
  for (const vm of moved.sort((a, b) => cost(b) - cost(a) || a - b)) {
    const before = cost(vm);
    if (before === 0) continue;
    const unit = at(units, vm).filter((member) => at(packing.vmHost, member) >= 0);
    for (let host = 0; host < problem.hostCount; host++) {
      const bytesNow = unit.reduce((sum, member) => sum + cost(member), 0);
      const trial = new Trial(packing);
      for (const member of unit) trial.remove(member);
      const possible = unit.every((member) => trial.tryAdd(member, host));
      const isCheaper = possible && unit.reduce((sum, member) => sum + cost(member), 0) < bytesNow;
      if (!isCheaper || check.shortfall(packing.solution(), enough) > enough) trial.rollBack();
    }
  }
}
