/**
 * A conflict that the continuous part of the equations proves: the solver names an irreducible infeasible set of rows (IIS; Chinneck, *Feasibility and
 * Infeasibility in Optimization*, 2008, ch. 6) with their multipliers, and nothing is believed of that but what the multipliers prove when they are summed
 * up in whole numbers.
 */

import { at } from '../packing';
import type { Formulation } from '../formulation';
import type { Solution } from '../problem';
import { ownRequirements, rivals, waitingRivals, type Held } from '../requirements';
import { bearable, certificateOf, neededFor, type Certificate } from './contradiction';
import type { ContradictionSolver, MixedIntegerProgram } from './program';
import { requirementProgram, type ProgramOptions } from './requirementProgram';

/** The solver's side of it, wherever it works. */
export type FindContradiction = (program: MixedIntegerProgram, wanted: 'any' | 'irreducible') => Promise<ReturnType<ContradictionSolver['contradiction']>>;

/** What all conflicts of one plan may take together. */
export class SolverBudget {
  /** `columns` of all programs; `rows` of those that are made irreducible, each of which costs the solver a program of its own. */
  constructor(
    private columns: number,
    private rows: number,
  ) {}

  /** Whether a program of so many may still be solved; the last one may be larger than what is left. */
  spendColumns(columns: number): boolean {
    const isLeft = this.columns > 0;
    this.columns -= columns;
    return isLeft;
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
  const first = (await proven(question, { own, others: placed }, 'any')) ?? (await besideWaiting(question, own, placed));
  if (first === undefined || !budget.spendRows(requirementProgram(formulation, vm, first, options).standings.length)) return first;
  return (await proven(question, first, 'irreducible')) ?? first;
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
  const beside = (waiting: readonly number[]) => contradicted(question, { own, others: [...waiting, ...placed] }, 'any');
  let count = 1;
  let found = await beside(all.slice(0, count));
  while (found === undefined && count < all.length) found = await beside(all.slice(0, (count *= 2)));
  let waiting = all.slice(0, count);
  for (let round = 0; round < MOST_ROUNDS && found?.needed.own.length === 0; round++) {
    waiting = bearable(found.certificate, waiting);
    found = await beside(waiting);
  }
  return found?.needed.own.length === 0 ? undefined : found?.needed;
}

const MOST_ROUNDS = 4;

/** Only what concerns the VM itself. */
async function proven(question: ConflictQuestion, held: Held, wanted: 'any' | 'irreducible'): Promise<Held | undefined> {
  const found = await contradicted(question, held, wanted);
  return found === undefined || found.needed.own.length === 0 ? undefined : found.needed;
}

async function contradicted({ formulation, solution, vm, find, budget, options }: ConflictQuestion, held: Held, wanted: 'any' | 'irreducible'): Promise<{ readonly needed: Held; readonly certificate: Certificate } | undefined> {
  const asked = requirementProgram(formulation, vm, held, options);
  if (!budget.spendColumns(asked.program.columnUpper.length)) return undefined;
  const multipliers = await find(asked.program, wanted);
  const certificate = multipliers && certificateOf(asked, multipliers);
  return certificate && { certificate, needed: neededFor(asked, certificate, held, (other) => at(solution.vmHost, other) < 0) };
}
