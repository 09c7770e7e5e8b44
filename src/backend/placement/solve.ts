/**
 * solve(problem) → solution: greedy, repair, exhaustive search where it can finish, then the lower levels by local search.
 * Budgets are counted in steps, never in seconds, so that the same problem has the same answer on every machine.
 */

import { balance } from './balance';
import { countAtLevel, Ensemble, fewestOut, hopelessVms } from './bounds';
import { consolidate } from './consolidate';
import { searchExhaustively } from './exhaustive';
import { placeGreedily, type Preference } from './greedy';
import { returnHome } from './homeward';
import { evenOut } from './evenOut';
import { compareLevels, measure, outByLevel, type Measures } from './objective';
import { placingOrder, seededNumbers, unitsOf } from './order';
import { at, Packing } from './packing';
import { hasMoves, withoutMoves, type Problem, type Solution } from './problem';
import { relocate } from './relocate';
import { repair } from './repair';
import { FailureCheck, type Failure } from './survive';
import { Trial } from './trial';

export interface Solved {
  readonly solution: Solution;
  readonly measures: Measures;
  /** Proven lower bounds of the same measures. */
  readonly bounds: Measures;
  readonly shortfall: number;
  readonly shortfallBound: number;
  /** The failures behind the shortfall. */
  readonly failures: readonly Failure[];
}

export interface Budget {
  readonly repairSteps: number;
  readonly exhaustiveNodes: number;
  readonly balanceSteps: number;
  /** Subsets of what two hosts run, and attempts at each host. */
  readonly evenOutWork: number;
  readonly evenOutRounds: number;
  readonly surviveSteps: number;
  /** Of the walk that brings home what has moved. */
  readonly walkSteps: number;
}

/** Small enough to run at every keystroke for pools of tens of hosts; larger pools get fewer steps a VM. */
export function quickBudget(problem: Problem): Budget {
  const size = Math.max(1, problem.vmCount * problem.hostCount);
  return {
    repairSteps: clamp(problem.vmCount * 8, 400, 20_000),
    exhaustiveNodes: problem.vmCount <= 64 ? 2000 : 0,
    balanceSteps: clamp(Math.floor(40_000_000 / size), 20_000, 100_000),
    evenOutWork: clamp(problem.vmCount * 1000, 50_000, 4_000_000),
    evenOutRounds: 4,
    surviveSteps: clamp(Math.floor(40_000 / size), 5, 200),
    walkSteps: clamp(size * 20, 2000, 400_000),
  };
}

/**
 * First with everything that exists where it is. Only when that leaves out VMs, or bears failures worse than a bound says it could, disks and running VMs
 * are moved; what is reached then stays, and the levels below the bytes moved are improved around it.
 */
export function solve(problem: Problem, budget: Budget = quickBudget(problem)): Solved {
  const stayed = solveInPlace(withoutMoves(problem), budget);
  return hasMoves(problem) ? solveWithMoves(problem, stayed, budget) : stayed;
}

function solveInPlace(problem: Problem, budget: Budget): Solved {
  const order = placingOrder(problem);
  const units = unitsOf(problem, order);
  const hopeless = hopelessVms(problem);
  const placed = place(problem, { order, units, hopeless, budget });
  return settle(problem, placed.solution, placed.bound, budget);
}

function solveWithMoves(problem: Problem, stayed: Solved, budget: Budget): Solved {
  const order = placingOrder(problem);
  const hopeless = hopelessVms(problem);
  const check = new FailureCheck(problem, order);
  const leastOut = fewestOut(problem, hopeless, stayed.measures.out);
  const leastShortfall = check.lowerBound(new Ensemble(problem, hopeless, stayed.measures.out));
  if (compareLevels(stayed.measures.out, leastOut) === 0 && stayed.shortfall === leastShortfall) {
    // Nothing above the bytes can be better, and no bytes is the fewest: what is proven with everything in place is proven.
    return { ...stayed, bounds: { ...stayed.bounds, out: leastOut }, shortfallBound: leastShortfall };
  }
  const options = { order, units: unitsOf(problem, order), hopeless, check, repairSteps: budget.repairSteps, walkSteps: budget.walkSteps, leastShortfall };
  return settleAround(problem, relocate(problem, stayed.solution, options), budget);
}

/** Improves what lies below the bytes moved, with everything that exists where the solution has it. */
export function settleAround(problem: Problem, solution: Solution, budget: Budget = quickBudget(problem)): Solved {
  const hopeless = hopelessVms(problem);
  const settled = settle(withoutMoves(problem, solution), solution, [], budget);
  return assess(problem, settled.solution, fewestOut(problem, hopeless, settled.measures.out));
}

/** Negative when `a` is the better one, level by level. */
export function compareSolved(goal: Problem['goal'], a: Solved, b: Solved): number {
  const goalOf = ({ measures }: Solved) => (goal === 'balance' ? measures.loads : [measures.hostsUsed]);
  return compareLevels([...a.measures.out, a.shortfall, a.measures.bytesMoved, ...goalOf(a), a.measures.moves], [...b.measures.out, b.shortfall, b.measures.bytesMoved, ...goalOf(b), b.measures.moves]);
}

/** Keeps the placed VMs placed and improves the lower levels by local search. `outBound` is what is proven of the first. */
export function settle(problem: Problem, placed: Solution, outBound: readonly number[], budget: Budget = quickBudget(problem)): Solved {
  const order = placingOrder(problem);
  const packing = new Packing(problem);
  packing.load(placed);
  const check = new FailureCheck(problem, order);
  const ensemble = new Ensemble(problem, hopelessVms(problem), outByLevel(problem, placed));
  improveLower({ packing, order, units: unitsOf(problem, order), check, budget, leastShortfall: check.lowerBound(ensemble), leastLoads: ensemble.loadBound() });
  return assess(problem, packing.solution(), outBound, check);
}

/** Measures a solution and what is proven of it by simple bounds. */
export function assess(problem: Problem, solution: Solution, outBound: readonly number[], check = new FailureCheck(problem, placingOrder(problem))): Solved {
  const measures = measure(problem, solution);
  const failures = check.failures(solution);
  const ensemble = new Ensemble(problem, hopelessVms(problem), measures.out);
  return {
    solution,
    measures,
    bounds: {
      out: outBound,
      bytesMoved: 0,
      loads: problem.goal === 'balance' ? ensemble.smallestLoads() : measures.loads,
      hostsUsed: problem.goal === 'consolidate' ? ensemble.fewestHosts() : measures.hostsUsed,
      moves: 0,
    },
    failures,
    shortfall: failures.reduce((total, failure) => total + failure.lost.length, 0),
    shortfallBound: check.lowerBound(ensemble),
  };
}

interface Placing {
  readonly order: readonly number[];
  readonly units: readonly (readonly number[])[];
  readonly hopeless: ReadonlySet<number>;
  readonly budget: Budget;
}

/** The first level: as many VMs as can be, by priority, with a proven bound. */
function place(problem: Problem, options: Placing): { solution: Solution; bound: readonly number[] } {
  const { order, units, hopeless, budget } = options;
  const first: Preference = problem.goal === 'balance' ? 'even' : 'tight';
  let packing = greedy(problem, options, first);
  let out = outByLevel(problem, packing.solution());
  if (first === 'even' && sum(out) > hopeless.size) {
    const tight = greedy(problem, options, 'tight');
    const outTight = outByLevel(problem, tight.solution());
    if (compareLevels(outTight, out) < 0) [packing, out] = [tight, outTight];
  }
  let bound = fewestOut(problem, hopeless, out);
  if (compareLevels(out, bound) > 0) {
    repair(packing, { order, units, steps: budget.repairSteps, seed: problem.vmCount, hopeless });
    out = outByLevel(problem, packing.solution());
    bound = fewestOut(problem, hopeless, out);
  }
  if (compareLevels(out, bound) === 0 || budget.exhaustiveNodes === 0) return { solution: packing.solution(), bound };
  const open = order.filter((vm) => !hopeless.has(vm) && at(problem.vmFixedHost, vm) < 0);
  const openOut = outByLevel(problem, packing.solution()).map((count, level) => count - countAtLevel(problem, hopeless, level));
  const empty = new Packing(problem, 'lifted');
  for (const vm of hopeless) empty.leaveOut(vm);
  const proof = searchExhaustively(empty, open, openOut, budget.exhaustiveNodes);
  const solution = proof.best ?? packing.solution();
  return { solution, bound: proof.complete ? outByLevel(problem, solution) : bound };
}

function greedy(problem: Problem, options: Placing, preference: Preference): Packing {
  const packing = new Packing(problem);
  placeGreedily(packing, options.order, options.units, preference);
  return packing;
}

interface Lower {
  readonly packing: Packing;
  readonly order: readonly number[];
  readonly units: readonly (readonly number[])[];
  readonly check: FailureCheck;
  readonly budget: Budget;
  readonly leastShortfall: number;
  readonly leastLoads: (largest: readonly number[]) => readonly number[];
}

/** Survival, then balance or consolidation, then fewest moves; none may spoil the one before it. */
function improveLower(options: Lower): void {
  const { packing, units, check, leastShortfall } = options;
  const { problem } = packing;
  const shortfall = (enough?: number) => check.shortfall(packing.solution(), enough);
  const [start, atStart] = [packing.solution(), shortfall()];
  improveGoal(options, () => true);
  let best = shortfall();
  if (best > leastShortfall) {
    if (atStart < best) packing.load(start);
    best = surviveBetter(options, Math.min(atStart, best));
    // Looking at every failure after every move is too much for a large pool; it keeps what survival has reached.
    if (problem.hostCount <= MOST_GUARDED_HOSTS) improveGoal(options, () => shortfall(best) <= best);
  }
  const used = packing.hostVms.filter((vms) => vms.length > 0).length;
  returnHome(packing, units, () => (problem.survive === 0 || shortfall(best) <= best) && packing.hostVms.filter((vms) => vms.length > 0).length <= used);
}

const MOST_GUARDED_HOSTS = 128;

function improveGoal(options: Lower, allows: () => boolean): void {
  const { packing, order, units, budget, leastLoads } = options;
  if (packing.problem.goal === 'consolidate') {
    consolidate(packing, { order, units, allows });
    return;
  }
  balance(packing, { units, steps: budget.balanceSteps, allows });
  evenOut(packing, { units, work: budget.evenOutWork, rounds: budget.evenOutRounds, least: leastLoads, allows });
}

/** Random moves and swaps that keep everyone placed. Stay those that lower the shortfall, or leave it and the loads no worse. */
function surviveBetter({ packing, units, check, budget, leastShortfall }: Lower, start: number): number {
  const { problem } = packing;
  const random = seededNumbers(problem.vmCount + 1);
  let best = start;
  for (let step = 0; step < budget.surviveSteps && best > leastShortfall; step++) {
    const unit = at(units, random(problem.vmCount)).filter((vm) => at(packing.vmHost, vm) >= 0);
    const target = random(problem.hostCount);
    const first = unit[0];
    if (first === undefined || at(packing.vmHost, first) === target || unit.some((vm) => packing.isFixed(vm))) continue;
    const from = at(packing.vmHost, first);
    const higher = () => Math.max(packing.maxLoadOfHost(from), packing.maxLoadOfHost(target));
    const load = higher();
    const trial = new Trial(packing);
    for (const vm of unit) trial.remove(vm);
    const swap = random(2) === 0 ? swapUnit(packing, units, target, random) : [];
    for (const vm of swap) trial.remove(vm);
    const possible = unit.every((vm) => trial.tryAdd(vm, target)) && swap.every((vm) => trial.tryAdd(vm, from));
    const after = possible ? check.shortfall(packing.solution(), best) : Infinity;
    if (after < best || (after === best && higher() <= load)) best = after;
    else trial.rollBack();
  }
  return best;
}

function swapUnit(packing: Packing, units: readonly (readonly number[])[], host: number, random: (below: number) => number): number[] {
  const vms = at(packing.hostVms, host);
  if (vms.length === 0) return [];
  const unit = at(units, at(vms, random(vms.length))).filter((vm) => at(packing.vmHost, vm) >= 0);
  return unit.some((vm) => packing.isFixed(vm)) ? [] : unit;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
