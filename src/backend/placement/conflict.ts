/**
 * The smallest set of requirements that can't hold together for a VM left out, by a deletion filter (Chinneck 2008, §6.1): each
 * requirement in turn is dropped, and stays dropped when the rest still can't hold. "Can't" is proven by an exhaustive repacking;
 * where that doesn't finish within its budget, nothing is claimed but what a solver has proven before (`exact/provenConflict.ts`).
 */

import { conflictInWords } from './conflictWords';
import { searchExhaustively } from './exhaustive';
import type { Formulation } from './formulation';
import { at, Packing } from './packing';
import type { Solution } from './problem';
import { ownRequirements, relax, rivals, type Held } from './requirements';

/** Nodes that all conflicts of one plan may take together. */
export class ConflictBudget {
  constructor(private left: number) {}

  /** At most what one question may take, 0 when all is spent. */
  get perQuestion(): number {
    return Math.min(this.left, 1000);
  }

  spend(nodes: number): void {
    this.left = Math.max(0, this.left - nodes);
  }
}

export interface Conflict {
  readonly held: Held;
  /** Whether it is known of each requirement that the others hold together without it. */
  readonly isSmallest: boolean;
}

/** Sentences, each one requirement; none when no conflict was proven. `proven` is one that is known already, from which the search goes on. */
export function conflictOf(formulation: Formulation, solution: Solution, vm: number, budget: ConflictBudget, proven?: Held): { readonly requirements: string[]; readonly isSmallest: boolean } {
  const { barred } = at(formulation.vms, vm);
  if (barred !== undefined) return { requirements: [`${at(formulation.vms, vm).model.name}: ${barred}`], isSmallest: true };
  const found = smallestConflict(formulation, solution, vm, budget, proven);
  return found === undefined ? { requirements: [], isSmallest: false } : { requirements: conflictInWords(formulation, solution, vm, found.held), isSmallest: found.isSmallest };
}

/** Undefined when no conflict was proven. No requirement of it can be spared, as far as the budget sufficed to know. */
export function smallestConflict(formulation: Formulation, solution: Solution, vm: number, budget: ConflictBudget, proven?: Held): Conflict | undefined {
  const all: Held = { own: ownRequirements(formulation, vm), others: rivals(formulation.problem, solution, vm) };
  const alone = { ...all, others: [] };
  const hold = (held: Held) => holdWithin(formulation, vm, held, budget);
  let held = hold(alone) === false ? alone : (proven ?? (hold(all) === false ? all : undefined));
  if (held === undefined) return undefined;
  let isSmallest = true;
  const dropWhere = (fewer: Held) => {
    const holds = hold(fewer);
    if (holds === false) held = fewer;
    isSmallest &&= holds !== undefined;
  };
  for (const other of held.others) dropWhere({ ...held, others: held.others.filter((kept) => kept !== other) });
  for (const requirement of held.own) dropWhere({ ...held, own: held.own.filter((kept) => kept !== requirement) });
  return { held, isSmallest };
}

/** Whether these can hold together; undefined when what is left of the budget doesn't tell. */
function holdWithin(formulation: Formulation, vm: number, held: Held, budget: ConflictBudget): boolean | undefined {
  if (budget.perQuestion === 0) return undefined;
  const { holds, nodes } = holdTogether(formulation, vm, held, budget.perQuestion);
  budget.spend(nodes);
  return holds;
}

/** Whether some placement meets all that is held; undefined when `nodes` steps of the search don't tell. */
export function holdTogether(formulation: Formulation, vm: number, held: Held, nodes: number): { readonly holds: boolean | undefined; readonly nodes: number } {
  const { problem } = formulation;
  const relaxed = relax(formulation, vm, held);
  const open = [vm, ...held.others.filter((other) => at(problem.vmFixedHost, other) < 0)];
  const noneOut = new Array<number>(problem.vmCount).fill(0);
  // Beating "nobody out but one of the last level" means that all are placed.
  noneOut.push(1);
  const result = searchExhaustively(new Packing(relaxed, 'lifted'), open, noneOut, nodes);
  return { holds: result.best !== undefined ? true : result.complete ? false : undefined, nodes: result.nodes };
}
