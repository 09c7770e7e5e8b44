/** The conflicts that the quick search left open, from the solver. */

import type { PlanJson } from '../../protocol';
import { hopelessVms } from './bounds';
import { conflictOf, ConflictBudget } from './conflict';
import { provenConflict, SolverBudget } from './exact/provenConflict';
import { vmKinds } from './exact/rivalClasses';
import type { Formulation } from './formulation';
import { at } from './packing';
import type { Solution } from './problem';
import type { Prover } from './prover';

/** With so many each question takes the solver a fraction of a second. */
const MOST_COLUMNS = 4000;

/** For all VMs left out: columns of programs, rows of irreducible sets, and nodes of the search that goes on from them. */
const COLUMNS_IN_ALL = 500_000;
const IRREDUCIBLE_ROWS = 600;
const CONFLICT_NODES = 10_000;

export interface OpenConflicts {
  readonly plan: PlanJson;
  readonly solution: Solution;
  /** VMs left out of which no conflict is known, or one of which requirements might be spared; in the plan's order. */
  readonly open: readonly number[];
}

/** The plan with every conflict that the continuous part of the equations proves. */
export async function withProvenConflicts(formulation: Formulation, { plan, solution, open }: OpenConflicts, prover: Prover, signal: AbortSignal): Promise<PlanJson> {
  if (open.length === 0) return plan;
  const [budget, nodes] = [new SolverBudget(COLUMNS_IN_ALL, IRREDUCIBLE_ROWS), new ConflictBudget(CONFLICT_NODES)];
  const { problem } = formulation;
  const shared = { formulation, solution, hopeless: hopelessVms(problem), options: { kinds: vmKinds(problem), mostColumns: MOST_COLUMNS }, budget };
  const found = new Map<string, readonly string[]>();
  for (const vm of open) {
    if (signal.aborted || budget.isSpent) break;
    const proven = await provenConflict({ ...shared, vm, find: (program, wanted) => prover.contradiction(program, wanted, signal) });
    if (proven !== undefined) found.set(at(formulation.vms, vm).model.name, conflictOf(formulation, solution, vm, nodes, proven).requirements);
  }
  return found.size === 0 ? plan : { ...plan, unplaced: plan.unplaced.map((left) => ({ ...left, conflict: found.get(left.vm) ?? left.conflict })) };
}
