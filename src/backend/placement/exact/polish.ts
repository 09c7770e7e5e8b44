/** Local search with the patience that the editor doesn't have: the same steps as the quick plan's, many more of them. */

import { Ensemble, hopelessVms } from '../bounds';
import { evenOut } from '../evenOut';
import { placingOrder, unitsOf } from '../order';
import { Packing } from '../packing';
import { withoutMoves, type Problem } from '../problem';
import { assess, type Solved } from '../solve';
import { FailureCheck } from '../survive';

/** Subsets of what two hosts run, and attempts at each host. */
const WORK = 10_000_000;
const ROUNDS = 200;

/** What lies below the bytes moved, better if it can be. */
export function polish(problem: Problem, start: Solved, { shouldStop }: { readonly shouldStop: () => boolean }): Solved {
  if (problem.goal === 'consolidate') return start;
  const order = placingOrder(problem);
  const check = new FailureCheck(problem, order);
  const packing = new Packing(withoutMoves(problem, start.solution));
  packing.load(start.solution);
  const allows = () => problem.survive === 0 || check.shortfall(packing.solution(), start.shortfall) <= start.shortfall;
  evenOut(packing, { units: unitsOf(problem, order), work: WORK, rounds: ROUNDS, least: new Ensemble(problem, hopelessVms(problem), start.measures.out).loadBound(), allows, shouldStop });
  return assess(problem, packing.solution(), start.bounds.out, check);
}
