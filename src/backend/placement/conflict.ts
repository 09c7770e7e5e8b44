/**
 * The smallest set of requirements that can't hold together for a VM left out, by a deletion filter (Chinneck 2008, §6.1): each
 * requirement in turn is dropped, and stays dropped when the rest still can't hold. "Can't" is proven by an exhaustive repacking;
 * where that doesn't finish within its budget, nothing is claimed.
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

/** Sentences, each one requirement; empty when no conflict was proven. */
export function conflictOf(formulation: Formulation, solution: Solution, vm: number, budget: ConflictBudget): string[] {
  const { barred } = at(formulation.vms, vm);
  if (barred !== undefined) return [`${at(formulation.vms, vm).model.name}: ${barred}`];
  const held = smallestConflict(formulation, solution, vm, budget);
  return held === undefined ? [] : conflictInWords(formulation, vm, held);
}

/** Undefined when no conflict was proven. No requirement of it can be spared, as far as the budget sufficed to know. */
export function smallestConflict(formulation: Formulation, solution: Solution, vm: number, budget: ConflictBudget): Held | undefined {
  let held: Held = { own: ownRequirements(formulation, vm), others: rivals(formulation.problem, solution, vm) };
  const without = { ...held, others: [] };
  if (contradicts(formulation, vm, without, budget)) held = without;
  else if (!contradicts(formulation, vm, held, budget)) return undefined;
  for (const other of held.others) {
    const fewer = { ...held, others: held.others.filter((kept) => kept !== other) };
    if (contradicts(formulation, vm, fewer, budget)) held = fewer;
  }
  for (const requirement of held.own) {
    const fewer = { ...held, own: held.own.filter((kept) => kept !== requirement) };
    if (contradicts(formulation, vm, fewer, budget)) held = fewer;
  }
  return held;
}

/** Whether these provably can't hold together. */
function contradicts(formulation: Formulation, vm: number, held: Held, budget: ConflictBudget): boolean {
  if (budget.perQuestion === 0) return false;
  const { holds, nodes } = holdTogether(formulation, vm, held, budget.perQuestion);
  budget.spend(nodes);
  return holds === false;
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
