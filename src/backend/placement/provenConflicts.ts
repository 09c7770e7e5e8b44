/** The conflicts that the quick search left open, from the solver. */

import type { PlanJson } from '../../protocol';
import { hopelessVms } from './bounds';
import { conflictOf, ConflictBudget } from './conflict';
import { provenConflict, SolverBudget, type FindContradiction } from './exact/provenConflict';
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

export interface ProofOfConflicts {
  readonly prover: Prover;
  /** Ends it; what is found until then is told. */
  readonly signal: AbortSignal;
  /** Why the solver can't go on; what was found until then is told. */
  readonly onFault: (error: unknown) => void;
}

/** The plan with every conflict that the continuous part of the equations proves. Whatever becomes of the solver, the plan is none the worse for it. */
export async function withProvenConflicts(formulation: Formulation, { plan, solution, open }: OpenConflicts, { prover, signal, onFault }: ProofOfConflicts): Promise<PlanJson> {
  if (open.length === 0) return plan;
  const [budget, nodes] = [new SolverBudget(COLUMNS_IN_ALL, IRREDUCIBLE_ROWS), new ConflictBudget(CONFLICT_NODES)];
  const { problem } = formulation;
  const find: FindContradiction = (program, wanted) => prover.contradiction(program, wanted, signal);
  const shared = { formulation, solution, hopeless: hopelessVms(problem), options: { kinds: vmKinds(problem), mostColumns: MOST_COLUMNS }, budget, find };
  const found = new Map<string, readonly string[]>();
  try {
    for (const vm of open) {
      if (signal.aborted || budget.isSpent) break;
      const proven = await provenConflict({ ...shared, vm });
      if (proven !== undefined) found.set(at(formulation.vms, vm).model.name, conflictOf(formulation, solution, vm, nodes, proven).requirements);
    }
  } catch (error) {
    // A solver that is ended fails the question it was at.
    if (!signal.aborted) onFault(error);
  }
  return found.size === 0 ? plan : { ...plan, unplaced: plan.unplaced.map((left) => ({ ...left, conflict: shorter(left.conflict, found.get(left.vm)) })) };
}

/** Of one that isn't there the other one. */
function shorter(quick: readonly string[], proven: readonly string[] | undefined): readonly string[] {
  return proven === undefined || (quick.length > 0 && quick.length < proven.length) ? quick : proven;
}
