/** What the planner's thread and its owner say to each other. Everything is cloned on the way. */

import type { Problem } from '../problem';
import type { Solved } from '../solve';

export interface ProverData {
  /** Path of highs.wasm. */
  readonly wasmFile: string;
}

export interface ProveRequest {
  readonly id: number;
  readonly problem: Problem;
  readonly start: Solved;
  readonly nodes: number;
  /** Shared; its one element becomes 1 when nobody waits for the answer any more. */
  readonly stop: Int32Array;
}

export type ProveReply =
  | { readonly id: number; readonly kind: 'progress' | 'done'; readonly solved: Solved }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string };
