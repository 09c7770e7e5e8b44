/**
 * A conflict that the continuous part of the equations proves. The solver names multipliers of rows; of the requirements that those leave, while the budget
 * for it lasts, an irreducible infeasible set (IIS; Chinneck, *Feasibility and Infeasibility in Optimization*, 2008, ch. 6). Nothing is believed of either but
 * what the multipliers prove when the rows are summed up with them in whole numbers.
 */

import { at } from '../packing';
import type { Formulation } from '../formulation';
import type { Solution } from '../problem';
import { ownRequirements, rivals, waitingRivals, type Held } from '../requirements';
import { bearable, certificateOf, neededFor, type Certificate } from './contradiction';
import type { ContradictionSolver, MixedIntegerProgram } from './program';
import { requirementProgram, type ProgramOptions, type RequirementProgram } from './requirementProgram';

/** The solver's side of it, wherever it works. */
export type FindContradiction = (program: MixedIntegerProgram, wanted: 'any' | 'irreducible') => Promise<ReturnType<ContradictionSolver['contradiction']>>;

/** What all conflicts of one plan may take together. */
export class SolverBudget {
  /** `columns` of all programs; `rows` of those that are made irreducible, each of which costs the solver a program of its own. */
  constructor(
    private columns: number,
    private rows: number,
  ) {}

  /** No more questions: that nothing is found from here on says nothing. */
  get isSpent(): boolean {
    return this.columns <= 0;
  }

  /** The last program may be larger than what is left. */
  spendColumns(columns: number): void {
    this.columns -= columns;
  }

  /** Whether so many may still be made irreducible; then they are spent. */
  spendRows(rows: number): boolean {
    if (rows > this.rows) return false;
    this.rows -= rows;
    return true;
  }
}

/**
 * Requirements that provably can't hold together; undefined when the continuous part doesn't contradict them. Where those that are placed leave room in the
 * sums, VMs that wait as well are looked at together with this one.
 */
export async function provenConflict(question: ConflictQuestion): Promise<Held | undefined> {
  const { formulation, solution, vm, budget, options } = question;
  const own = ownRequirements(formulation, vm);
  const placed = rivals(formulation.problem, solution, vm);
  const first = concerning(await contradicted(question, { own, others: placed })) ?? (await besideWaiting(question, own, placed));
  if (first === undefined || budget.isSpent) return first;
  const asked = requirementProgram(formulation, vm, first, options);
  return budget.spendRows(asked.standings.length) ? (concerning(await answered(question, first, asked, 'irreducible')) ?? first) : first;
}

export interface ConflictQuestion {
  readonly formulation: Formulation;
  readonly solution: Solution;
  readonly vm: number;
  /** VMs that fit nowhere even alone. */
  readonly hopeless: ReadonlySet<number>;
  readonly find: FindContradiction;
  readonly budget: SolverBudget;
  readonly options: ProgramOptions;
}

/**
 * With more and more of those that wait until they contradict this one. Where they do so without it, some of them go again: as many as don't are looked at
 * once more.
 */
async function besideWaiting(question: ConflictQuestion, own: Held['own'], placed: readonly number[]): Promise<Held | undefined> {
  const all = waitingRivals(question.formulation.problem, question.solution, question.vm, question.hopeless);
  const beside = (waiting: readonly number[]) => contradicted(question, { own, others: [...waiting, ...placed] });
  let count = 1;
  let found = await beside(all.slice(0, count));
  while (found === undefined && count < all.length && !question.budget.isSpent) found = await beside(all.slice(0, (count *= 2)));
  let waiting = all.slice(0, count);
  for (let round = 0; round < MOST_ROUNDS && found?.needed.own.length === 0; round++) {
    waiting = bearable(found.certificate, waiting);
    found = await beside(waiting);
  }
  return concerning(found);
}

const MOST_ROUNDS = 4;

interface Contradicted {
  readonly needed: Held;
  readonly certificate: Certificate;
}

/** Only what concerns the VM itself. */
function concerning(found: Contradicted | undefined): Held | undefined {
  return found === undefined || found.needed.own.length === 0 ? undefined : found.needed;
}

/** Undefined as well, and without any work, when the budget is spent. */
async function contradicted(question: ConflictQuestion, held: Held): Promise<Contradicted | undefined> {
  const { formulation, vm, options, budget } = question;
  return budget.isSpent ? undefined : answered(question, held, requirementProgram(formulation, vm, held, options), 'any');
}

async function answered({ solution, find, budget }: ConflictQuestion, held: Held, asked: RequirementProgram, wanted: 'any' | 'irreducible'): Promise<Contradicted | undefined> {
  budget.spendColumns(asked.program.columnUpper.length);
  const multipliers = await find(asked.program, wanted);
  const certificate = multipliers && certificateOf(asked, multipliers);
  return certificate && { certificate, needed: neededFor(asked, certificate, held, (other) => at(solution.vmHost, other) < 0) };
}
