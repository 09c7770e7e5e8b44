/** What the planner's thread and its owner say to each other. Everything is cloned on the way. */

import type { MixedIntegerProgram } from '../exact/program';
import type { Problem } from '../problem';
import type { Solved } from '../solve';

export interface ProverData {
  /** Path of highs.wasm. */
  readonly wasmFile: string;
}

export type ProverRequest = ProveRequest | ContradictionRequest;

export interface ProveRequest {
  readonly kind: 'prove';
  readonly id: number;
  readonly problem: Problem;
  readonly start: Solved;
  readonly nodes: number;
  readonly stop: StopFlag;
}

/** Shared; its one element becomes 1 when nobody waits for the answer any more. */
export type StopFlag = Int32Array;

export interface ContradictionRequest {
  readonly kind: 'contradiction';
  readonly id: number;
  readonly program: MixedIntegerProgram;
  readonly wanted: 'any' | 'irreducible';
  readonly stop: StopFlag;
}

export type ProverReply =
  | { readonly id: number; readonly kind: 'progress' | 'done'; readonly solved: Solved }
  | { readonly id: number; readonly kind: 'contradiction'; readonly multipliers: Float64Array | undefined }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string };
