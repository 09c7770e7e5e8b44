/** Bears failures better, with the patience that the editor doesn't have. */

import { placingOrder, seededNumbers, unitsOf } from '../order';
import { Packing } from '../packing';
import { hasMoves, withoutMoves, type Problem, type Solution } from '../problem';
import { goBack } from '../relocate';
import { anneal } from '../search/anneal';
import { Bearing, LOSS } from '../search/bearing';
import type { Solved } from '../solve';
import { FailureCheck } from '../survive';

/** Several short walks, each from the best of those before, lead further than one long one. */
const WALKS = 4;
const MOST_STEPS = 20_000;
/** Tries to put a VM on a host, over all steps of a walk. */
const WORK = 15_000_000;

/**
 * As many VMs placed, with a smaller shortfall if one is found: first with everything that exists where the start has it, then with moves, of which those go
 * back that nothing needs.
 */
export function bearFailures(problem: Problem, start: Solved, shouldStop: () => boolean): Solution {
  const least = start.shortfallBound;
  const stayed = walk(withoutMoves(problem, start.solution), start.solution, least, shouldStop);
  if (!hasMoves(problem) || shortfall(problem, stayed) <= least) return stayed;
  const packing = new Packing(problem);
  packing.load(walk(problem, stayed, least, shouldStop));
  const order = placingOrder(problem);
  goBack(packing, { units: unitsOf(problem, order), check: new FailureCheck(problem, order) });
  return packing.solution();
}

function walk(problem: Problem, start: Solution, least: number, shouldStop: () => boolean): Solution {
  const order = placingOrder(problem);
  const check = new FailureCheck(problem, order);
  const steps = Math.min(MOST_STEPS, Math.floor(WORK / Math.max(1, check.looks)));
  let best = start;
  for (let seed = 1; seed <= WALKS; seed++) {
    const packing = new Packing(problem);
    packing.load(best);
    const bearing = new Bearing(packing, { units: unitsOf(problem, order), check, least, shouldStop });
    anneal(bearing, { steps, warmth: LOSS, random: seededNumbers(seed) });
    best = bearing.result();
  }
  return best;
}

function shortfall(problem: Problem, solution: Solution): number {
  return new FailureCheck(problem, placingOrder(problem)).shortfall(solution);
}
