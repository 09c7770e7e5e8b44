/** The conflicts that the quick search left open, from the solver. */

import type { PlanJson } from '../../protocol';
import { hopelessVms } from './bounds';
import { conflictOf, ConflictBudget } from './conflict';
import { IrreducibleBudget, provenConflict } from './exact/provenConflict';
import type { Formulation } from './formulation';
import { at } from './packing';
import type { Solution } from './problem';
import type { Prover } from './prover';

/** Rows of irreducible sets, and nodes of the search that goes on from them, for all VMs left out. */
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
  const [rows, nodes] = [new IrreducibleBudget(IRREDUCIBLE_ROWS), new ConflictBudget(CONFLICT_NODES)];
  const hopeless = open.length === 0 ? new Set<number>() : hopelessVms(formulation.problem);
  const found = new Map<string, readonly string[]>();
  for (const vm of open) {
    if (signal.aborted) break;
    const proven = await provenConflict({ formulation, solution, vm, hopeless, find: (program, wanted) => prover.contradiction(program, wanted, signal), budget: rows });
    if (proven !== undefined) found.set(at(formulation.vms, vm).model.name, conflictOf(formulation, solution, vm, nodes, proven).requirements);
  }
  return found.size === 0 ? plan : { ...plan, unplaced: plan.unplaced.map((left) => ({ ...left, conflict: found.get(left.vm) ?? left.conflict })) };
}
