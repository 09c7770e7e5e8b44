/** HiGHS in this thread: what the product runs in a worker, without the worker. */

import loadHighs from 'highs';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { prove } from '../../src/backend/placement/exact/prove';
import type { Prover } from '../../src/backend/placement/prover';

export async function inProcessProver(nodes: number): Promise<Prover> {
  const solver = highsSolver(await loadHighs());
  return {
    prove: (problem, start, { onProgress, signal }) => Promise.resolve({ solved: prove(problem, start, solver, { nodes, onProgress, shouldStop: () => signal.aborted }), stopped: signal.aborted }),
    contradiction: (program, wanted, signal) => Promise.resolve(solver.contradiction(program, wanted, () => signal.aborted)),
  };
}
