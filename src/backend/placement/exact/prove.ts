/**
 * Level by level with the solver: what local search has reached is either proven best, or improved, or left with a bound. A level is only looked
 * at when those above it are proven: before that, its best value has no meaning.
 */

import { hasMoves, withoutMoves, type Problem, type Solution } from '../problem';
import { compareLevels } from '../objective';
import { settle, type Solved } from '../solve';
import { at } from '../packing';
import { AssignmentProgram, type Counted } from './assignment';
import type { MipSolver, Outcome } from './program';

export interface ProveOptions {
  /** Branch-and-bound nodes for each level. */
  readonly nodes: number;
  /** Called with each better solution or bound. */
  readonly onProgress: (solved: Solved) => void;
  readonly shouldStop: () => boolean;
}

/** Programs beyond this many columns take the solver longer than anybody waits; they keep the answer they have. */
const MOST_COLUMNS = 20_000;

/** Of problems whose disks or running VMs may move it proves what lies below the bytes moved, once these are proven to be none. */
export function prove(problem: Problem, start: Solved, solver: MipSolver, options: ProveOptions): Solved {
  if (hasMoves(problem)) {
    const isProven = compareLevels(start.measures.out, start.bounds.out) === 0 && start.shortfall === start.shortfallBound && start.measures.bytesMoved === 0;
    return isProven ? proveGoal(withoutMoves(problem), start, solver, options) : start;
  }
  const placed = provePlaced(problem, start, solver, options);
  if (compareLevels(placed.measures.out, placed.bounds.out) !== 0 || placed.shortfall !== placed.shortfallBound) return placed;
  return proveGoal(problem, placed, solver, options);
}

/** As few VMs left out as can be, the highest priority first. */
function provePlaced(problem: Problem, start: Solved, solver: MipSolver, options: ProveOptions): Solved {
  if (compareLevels(start.measures.out, start.bounds.out) === 0) return start;
  const program = new AssignmentProgram(problem, 'nothing');
  if (isTooLarge(program)) return start;
  let best = start.solution;
  const bound = [...start.bounds.out];
  for (let level = 0; level < start.measures.out.length; level++) {
    const outside = program.outsideAt(level);
    const point = program.point(best);
    const columns = program.outAt(level);
    const now = columns.reduce((sum, column) => sum + at(point, column), 0);
    const outcome = minimise(program, columns, solver, options, best);
    best = betterOf(program, outcome, columns, now, best);
    const reached = columns.reduce((sum, column) => sum + at(program.point(best), column), 0);
    bound[level] = outside + Math.max(at(bound, level) - outside, Math.min(outcome.bound, reached));
    if (bound[level] !== outside + reached) break;
    program.fixOut(level, reached);
  }
  const proven = best === start.solution ? { ...start, bounds: { ...start.bounds, out: bound } } : settle(problem, best, bound);
  options.onProgress(proven);
  return proven;
}

/** The smallest largest load, or the fewest hosts, with just as many VMs placed at each level. */
function proveGoal(problem: Problem, start: Solved, solver: MipSolver, options: ProveOptions): Solved {
  const key = problem.goal === 'balance' ? 'maxLoad' : 'hostsUsed';
  if (start.measures[key] === start.bounds[key] || options.shouldStop()) return start;
  const counted: Counted = problem.goal === 'balance' ? 'largest load' : 'hosts in use';
  const program = new AssignmentProgram(problem, counted);
  if (isTooLarge(program)) return start;
  start.measures.out.forEach((count, level) => program.fixOut(level, count - program.outsideAt(level)));
  const outcome = minimise(program, program.counted, solver, options, start.solution);
  const best = betterOf(program, outcome, program.counted, start.measures[key], start.solution);
  const found = best === start.solution ? start : settle(problem, best, start.bounds.out);
  // A better goal that bears failures worse is no better; its bound holds all the same.
  const kept = found.shortfall === start.shortfall && found.measures[key] < start.measures[key] ? found : start;
  const bound = Math.max(kept.bounds[key], Math.min(outcome.bound, kept.measures[key]));
  const proven = { ...kept, bounds: { ...kept.bounds, [key]: bound } };
  options.onProgress(proven);
  return proven;
}

function minimise(program: AssignmentProgram, columns: readonly number[], solver: MipSolver, options: ProveOptions, start: Solution): Outcome {
  const objective = new Map(columns.map((column) => [column, 1]));
  return solver.minimise(program.program, { objective, nodes: options.nodes, start: program.point(start), shouldStop: options.shouldStop });
}

/** The solver's solution when it is truly better; what it calls feasible is looked at again later, by the checker. */
function betterOf(program: AssignmentProgram, outcome: Outcome, columns: readonly number[], now: number, best: Solution): Solution {
  const { values } = outcome;
  if (values === undefined || columns.reduce((sum, column) => sum + at(values, column), 0) >= now) return best;
  return program.solution(values, best);
}

function isTooLarge(program: AssignmentProgram): boolean {
  return program.program.columnLower.length > MOST_COLUMNS;
}
