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
import type { Inventory, PlanInputs, PreviousPlacement } from './inputs';
import { compareLevels } from './objective';
import { at, Packing } from './packing';
import { LOAD_STEPS } from './problem';
import type { Prover } from './prover';
import { solve, type Solved } from './solve';

/**
 * Plans the whole pool. Every valid model has a plan: what doesn't fit is in `unplaced`, with reasons.
 * Throws only when the planner contradicts its own checker, which is a defect of PXEN.
 */
export function planPlacement(model: PoolModel, inventory: Inventory, previous: PreviousPlacement): PlanJson {
  return quickPlan({ model, inventory, previous }).plan;
}

function quickPlan(inputs: PlanInputs): { readonly formulation: Formulation; readonly solved: Solved; readonly plan: PlanJson } {
  const formulation = formulate(inputs.model, inputs.inventory, inputs.previous);
  const solved = solve(formulation.problem);
  const { plan, violations } = toCheckedPlan(formulation, solved, inputs);
  if (violations.length > 0) throw new Error(`The planner made a plan that its checker refuses; please report this. ${violations.join('. ')}`);
  return { formulation, solved, plan };
}

export interface SolveOptions {
  readonly prover: Prover;
  /** Called with the quick plan at once, then with each plan that is better or closer to its bound. */
  readonly onIncumbent?: (plan: PlanJson) => void;
  /** Ends the search; the best plan so far is the result. */
  readonly signal?: AbortSignal;
}

/**
 * The quick plan, improved and proven level by level. The same values give the same result, unless the signal aborts: budgets are counted
 * in nodes, never in seconds.
 */
export async function solvePlacement(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, { prover, onIncumbent, signal }: SolveOptions): Promise<PlanJson> {
  const inputs = { model, inventory, previous };
  const { formulation, solved: start, plan } = quickPlan(inputs);
  let best = plan;
  onIncumbent?.(best);
  // The solver works with tolerances: what it calls a solution counts only if the checker agrees.
  const consider = (solved: Solved): void => {
    const { plan, violations } = toCheckedPlan(formulation, solved, inputs);
    if (violations.length > 0 || samePlan(plan, best)) return;
    best = plan;
    onIncumbent?.(best);
  };
  if (best.status !== 'feasible') return best;
  const { solved } = await prover.prove(formulation.problem, start, { onProgress: consider, signal: signal ?? new AbortController().signal });
  consider(solved);
  return best;
}

function samePlan(a: PlanJson, b: PlanJson): boolean {
  return JSON.stringify([a.assignments, a.disks, a.bound]) === JSON.stringify([b.assignments, b.disks, b.bound]);
}

function toCheckedPlan(formulation: Formulation, solved: Solved, inputs: PlanInputs): { readonly plan: PlanJson; readonly violations: readonly string[] } {
  const plan = toPlan(formulation, solved, inputs);
  return { plan, violations: checkPlan(inputs.model, inputs.inventory, inputs.previous, plan) };
}

function toPlan(formulation: Formulation, solved: Solved, { model, inventory, previous }: PlanInputs): PlanJson {
  const target = { assignments: assignmentsOf(formulation, solved), disks: disksOf(formulation, solved) };
  const objective = objectiveOf(formulation, solved, solved.measures, solved.shortfall);
  const bound = objectiveOf(formulation, solved, solved.bounds, solved.shortfallBound);
  const gap = Math.max(gapBetween(objective, bound), unprovenOut(solved));
  const unplaced = unplacedOf(formulation, solved);
  const nothingRuns = formulation.vms.length > 0 && unplaced.length === formulation.vms.length;
  return {
    status: gap > 0 ? 'feasible' : nothingRuns ? 'infeasible' : 'optimal',
    gap,
    ...target,
    unplaced,
    failures: solved.failures.map(({ hosts, lost }) => ({
      hosts: hosts.map((host) => at(formulation.hosts, host).model.name),
      vms: lost.map((vm) => at(formulation.vms, vm).model.name).sort(),
    })),
    actions: planActions(model, inventory, previous, target),
    objective,
    bound,
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

function unplacedOf(formulation: Formulation, { solution }: Solved): UnplacedVm[] {
  const packing = new Packing(formulation.problem);
  packing.load(solution);
  const budget = new ConflictBudget(10_000);
  return formulation.vms
    .map(({ model }, vm) => ({ vm, model }))
    .filter(({ vm }) => at(solution.vmHost, vm) < 0)
    .sort((a, b) => b.model.priority - a.model.priority || a.vm - b.vm)
    .map(({ vm, model }) => ({
      vm: model.name,
      priority: model.priority,
      reasons: reasonsFor(formulation, packing, vm),
      conflict: conflictOf(formulation, solution, vm, budget),
    }));
}

function objectiveOf({ problem, vms }: Formulation, { solution }: Solved, measures: Solved['measures'], surviveShortfall: number): PlanObjective {
  const priorities = new Map(vms.map(({ model }, vm) => [at(problem.vmLevel, vm), model.priority]));
  return {
    unplacedPriority: measures.out.reduce((sum, count, level) => sum + count * (priorities.get(level) ?? 0), 0),
    surviveShortfall,
    bytesMoved: measures.bytesMoved,
    maxLoad: solution.vmHost.some((host) => host >= 0) ? measures.maxLoad / LOAD_STEPS : 0,
    hostsUsed: measures.hostsUsed,
    moves: measures.moves,
  };
}

/** Of the first level that isn't proven, the distance from its bound, as a share of its value. */
function gapBetween(objective: PlanObjective, bound: PlanObjective): number {
  const levels = ['unplacedPriority', 'surviveShortfall', 'bytesMoved', 'maxLoad', 'hostsUsed', 'moves'] as const;
  for (const level of levels) if (objective[level] !== bound[level]) return (objective[level] - bound[level]) / Math.max(objective[level], bound[level]);
  return 0;
}

/** Counted in VMs, because VMs of priority 0 don't show in the sum of priorities. */
function unprovenOut({ measures, bounds }: Solved): number {
  const total = (out: readonly number[]) => out.reduce((sum, count) => sum + count, 0);
  return compareLevels(measures.out, bounds.out) === 0 ? 0 : Math.max(1, total(measures.out) - total(bounds.out)) / Math.max(1, total(measures.out));
}
