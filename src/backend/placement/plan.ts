/**
 * (model, inventory, previous placement) → plan. Pure, synchronous and quick; the same values always give the same plan, in
 * whatever order they come.
 */

import type { DiskPlace, PlanJson, PlanObjective, UnplacedVm } from '../../protocol';
import type { PoolModel } from '../drive/model';
import { planActions } from './actions';
import { checkPlan } from './check';
import { diskKey } from './capacity';
import { conflictOf, ConflictBudget } from './conflict';
import { reasonsFor } from './explain';
import { formulate, type Formulation } from './formulation';
import { NO_MOVES, type Inventory, type MovePolicy, type PlanInputs, type PreviousPlacement } from './inputs';
import { compareLevels } from './objective';
import { at, Packing } from './packing';
import { LOAD_STEPS } from './problem';
import { withProvenConflicts } from './provenConflicts';
import type { Prover } from './prover';
import { solve, type Solved } from './solve';

/**
 * Plans the whole pool. Every valid model has a plan: what doesn't fit is in `unplaced`, with reasons. `moves` absent: everything that exists or runs
 * stays where it is, as booting has it.
 * Throws only when the planner contradicts its own checker, which is a defect of PXEN.
 */
export function planPlacement(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, moves: MovePolicy = NO_MOVES): PlanJson {
  return quickPlan({ model, inventory, previous, moves }).plan;
}

interface Planned {
  readonly formulation: Formulation;
  readonly solved: Solved;
  readonly plan: PlanJson;
  readonly openConflicts: readonly number[];
  /** What `plan` says of the bounds and of who is stuck. */
  readonly context: Context;
}

interface Context {
  readonly inputs: PlanInputs;
  /** Bounds of the problem as it was asked, where VMs had to be held back because no order of moves was found. */
  readonly asked?: Solved;
}

function quickPlan(inputs: PlanInputs): Planned {
  const first = planOnce({ inputs });
  if (first.stuck.length === 0) return first.planned;
  const asked = first.planned.solved;
  const moves = inputs.moves ?? NO_MOVES;
  let stuck = first.stuck;
  const stay = new Set(moves.stay);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    // The one that is to carry most: those that wait for it may do without, or find another way.
    const last = stuck.at(-1);
    if (last !== undefined) stay.add(last);
    const next = planOnce({ inputs: { ...inputs, moves: { ...moves, stay: new Set(stay) } }, asked });
    if (next.stuck.length === 0) return next.planned;
    stuck = next.stuck;
  }
  const everybody = new Set(inputs.model.vms.map(({ name }) => name));
  return planOnce({ inputs: { ...inputs, moves: { ...moves, stay: everybody } }, asked }).planned;
}

/** Plans with one VM more held back each time, before everything is. */
const MOST_ROUNDS = 6;

function planOnce(context: Context): { readonly planned: Planned; readonly stuck: readonly string[] } {
  const { model, inventory, previous, moves } = context.inputs;
  const formulation = formulate(model, inventory, previous, moves);
  const solved = solve(formulation.problem);
  const { plan, openConflicts, violations, stuck } = toCheckedPlan(formulation, solved, context);
  if (violations.length > 0) throw new Error(`The planner made a plan that its checker refuses; please report this. ${violations.join('. ')}`);
  return { planned: { formulation, solved, plan, openConflicts, context }, stuck };
}

export interface SolveOptions {
  readonly prover: Prover;
  /** Called with the quick plan at once, then with each plan that is better or closer to its bound. */
  readonly onIncumbent?: (plan: PlanJson) => void;
  /** Ends the search; the best plan so far is the result, and says that it was `stopped`. Once the search has ended, only the conflicts that are still open stay so. */
  readonly signal?: AbortSignal;
  /** Why the solver told no more of the conflicts: nothing that the plan is worse for. */
  readonly onFault?: (error: unknown) => void;
  /** Absent: nothing moves. */
  readonly moves?: MovePolicy;
}

/**
 * The quick plan, improved and proven level by level, then the conflicts that were still open. The same values give the same result, unless the signal aborts: budgets are counted
 * in nodes, never in seconds.
 */
export async function solvePlacement(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, { prover, onIncumbent, signal = new AbortController().signal, onFault = () => undefined, moves = NO_MOVES }: SolveOptions): Promise<PlanJson> {
  const { formulation, solved: start, plan, openConflicts, context } = quickPlan({ model, inventory, previous, moves });
  let best = { plan, solution: start.solution, open: openConflicts };
  onIncumbent?.(plan);
  // The solver works with tolerances: what it calls a solution counts only if the checker agrees. Nor does one count to which no order of moves leads.
  const consider = (solved: Solved): void => {
    const { plan, openConflicts: open, violations, stuck } = toCheckedPlan(formulation, solved, context);
    if (violations.length > 0 || stuck.length > 0 || samePlan(plan, best.plan)) return;
    best = { plan, solution: solved.solution, open };
    onIncumbent?.(plan);
  };
  let isStopped = false;
  if (plan.status === 'feasible') {
    const { solved, stopped } = await prover.prove(formulation.problem, start, { onProgress: consider, signal });
    consider(solved);
    isStopped = stopped;
  }
  const explained = await withProvenConflicts(formulation, best, { prover, signal, onFault });
  return isStopped ? { ...explained, stopped: true } : explained;
}

function samePlan(a: PlanJson, b: PlanJson): boolean {
  return JSON.stringify([a.assignments, a.disks, a.bound]) === JSON.stringify([b.assignments, b.disks, b.bound]);
}

function toCheckedPlan(formulation: Formulation, solved: Solved, context: Context): Told & { readonly violations: readonly string[] } {
  const { model, inventory, previous, moves } = context.inputs;
  const told = toPlan(formulation, solved, context);
  // Actions that don't arrive aren't worth a look.
  return { ...told, violations: told.stuck.length > 0 ? [] : checkPlan(model, inventory, previous, told.plan, moves) };
}

interface Told {
  readonly plan: PlanJson;
  /** VMs left out whose conflict isn't known to be smallest, or isn't known at all. */
  readonly openConflicts: readonly number[];
  readonly stuck: readonly string[];
}

function toPlan(formulation: Formulation, solved: Solved, { inputs, asked }: Context): Told {
  const target = { assignments: assignmentsOf(formulation, solved), disks: disksOf(formulation, solved) };
  const objective = objectiveOf(formulation, solved, solved.measures, solved.shortfall);
  // Where VMs were held back, only what is proven of the problem as it was asked counts.
  const proven = asked === undefined ? solved : { ...solved, bounds: asked.bounds, shortfallBound: asked.shortfallBound };
  const bound = noHigher(objectiveOf(formulation, proven, proven.bounds, proven.shortfallBound), objective);
  const gap = Math.max(gapBetween(objective, bound), unprovenOut(proven));
  const { unplaced, openConflicts } = unplacedOf(formulation, solved);
  const nothingRuns = formulation.vms.length > 0 && unplaced.length === formulation.vms.length;
  const { actions, stuck } = planActions(inputs, target);
  const plan: PlanJson = {
    status: gap > 0 ? 'feasible' : nothingRuns ? 'infeasible' : 'optimal',
    gap,
    ...target,
    unplaced,
    failures: solved.failures.map(({ hosts, lost }) => ({
      hosts: hosts.map((host) => at(formulation.hosts, host).model.name),
      vms: lost.map((vm) => at(formulation.vms, vm).model.name).sort(),
    })),
    actions,
    ...(asked === undefined ? {} : { stuck: [...(inputs.moves?.stay ?? [])].sort() }),
    objective,
    bound,
  };
  return { plan, openConflicts, stuck };
}

/** A bound of a lower level was found for another set of VMs when a higher level isn't at its own. */
function noHigher(bound: PlanObjective, objective: PlanObjective): PlanObjective {
  const least = (level: Exclude<keyof PlanObjective, 'loads'>) => Math.min(bound[level], objective[level]);
  return {
    unplacedPriority: least('unplacedPriority'),
    unplaced: least('unplaced'),
    surviveShortfall: least('surviveShortfall'),
    bytesMoved: least('bytesMoved'),
    maxLoad: least('maxLoad'),
    loads: compareLevels(bound.loads, objective.loads) <= 0 ? bound.loads : objective.loads,
    hostsUsed: least('hostsUsed'),
    moves: least('moves'),
  };
}

function assignmentsOf({ vms, hosts }: Formulation, { solution }: Solved): Record<string, string> {
  const assignments: Record<string, string> = {};
  vms.forEach(({ model }, vm) => {
    const host = at(solution.vmHost, vm);
    if (host >= 0) assignments[model.name] = at(hosts, host).model.name;
  });
  return assignments;
}

function disksOf({ problem, vms, disks, volumes }: Formulation, { solution }: Solved): Record<string, DiskPlace> {
  const places: Record<string, DiskPlace> = {};
  disks.forEach(({ vm, model }, disk) => {
    const volume = at(solution.diskVolume, disk);
    if (at(solution.vmHost, vm) >= 0 && volume >= 0 && at(problem.diskIgnored, disk) === 0) places[diskKey(at(vms, vm).model.name, model.name)] = at(volumes, volume).place;
  });
  return places;
}

function unplacedOf(formulation: Formulation, { solution }: Solved): { readonly unplaced: UnplacedVm[]; readonly openConflicts: readonly number[] } {
  const packing = new Packing(formulation.problem);
  packing.load(solution);
  const budget = new ConflictBudget(10_000);
  const openConflicts: number[] = [];
  const unplaced = formulation.vms
    .map(({ model }, vm) => ({ vm, model }))
    .filter(({ vm }) => at(solution.vmHost, vm) < 0)
    .sort((a, b) => b.model.priority - a.model.priority || a.vm - b.vm)
    .map(({ vm, model }) => {
      const { requirements, isSmallest } = conflictOf(formulation, solution, vm, budget);
      if (!isSmallest) openConflicts.push(vm);
      return { vm: model.name, priority: model.priority, reasons: reasonsFor(formulation, packing, vm), conflict: requirements };
    });
  return { unplaced, openConflicts };
}

function objectiveOf({ problem, vms }: Formulation, { solution }: Solved, measures: Solved['measures'], surviveShortfall: number): PlanObjective {
  const loads = solution.vmHost.some((host) => host >= 0) ? measures.loads.map((load) => load / LOAD_STEPS) : [];
  const priorities = new Map(vms.map(({ model }, vm) => [at(problem.vmLevel, vm), model.priority]));
  return {
    unplacedPriority: measures.out.reduce((sum, count, level) => sum + count * (priorities.get(level) ?? 0), 0),
    unplaced: measures.out.reduce((sum, count) => sum + count, 0),
    surviveShortfall,
    bytesMoved: measures.bytesMoved,
    maxLoad: loads[0] ?? 0,
    loads,
    hostsUsed: measures.hostsUsed,
    moves: measures.moves,
  };
}

/** Of the first level that isn't proven, the distance from its bound, as a share of its value. */
function gapBetween(objective: PlanObjective, bound: PlanObjective): number {
  const rank = objective.loads.findIndex((load, index) => load !== bound.loads[index]);
  const levels: readonly (readonly [value: number, least: number])[] = [
    [objective.unplacedPriority, bound.unplacedPriority],
    [objective.surviveShortfall, bound.surviveShortfall],
    [objective.bytesMoved, bound.bytesMoved],
    [objective.loads[rank] ?? 0, bound.loads[rank] ?? 0],
    [objective.hostsUsed, bound.hostsUsed],
    [objective.moves, bound.moves],
  ];
  const open = levels.find(([value, least]) => value !== least);
  return open === undefined ? 0 : (open[0] - open[1]) / Math.max(...open);
}

/** Counted in VMs, because VMs of priority 0 don't show in the sum of priorities. */
function unprovenOut({ measures, bounds }: Solved): number {
  const total = (out: readonly number[]) => out.reduce((sum, count) => sum + count, 0);
  return compareLevels(measures.out, bounds.out) === 0 ? 0 : Math.max(1, total(measures.out) - total(bounds.out)) / Math.max(1, total(measures.out));
}
