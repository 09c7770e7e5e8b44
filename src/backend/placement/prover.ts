/** What improves and proves a quick answer: HiGHS behind a thread in the product, in the same thread in tests. */

import type { ContradictionSolver, MixedIntegerProgram } from './exact/program';
import type { Problem } from './problem';
import type { Solved } from './solve';

export interface Prover {
  /** Resolves with the best there is when all is proven, the budget is spent, or the signal aborts; then `stopped` says so. */
  prove(problem: Problem, start: Solved, options: { readonly onProgress: (solved: Solved) => void; readonly signal: AbortSignal }): Promise<{ readonly solved: Solved; readonly stopped: boolean }>;
  /** Why a continuous program has no solution, as `ContradictionSolver` tells it; undefined as well when the signal aborts. */
  contradiction(program: MixedIntegerProgram, wanted: 'any' | 'irreducible', signal: AbortSignal): Promise<ReturnType<ContradictionSolver['contradiction']>>;
}
