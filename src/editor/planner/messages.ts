/** What the planner's thread and its owner say to each other. */

import type { PoolModel } from '../../backend/drive/model';
import type { PreviousPlacement } from '../../backend/placement/inputs';
import type { PlanJson } from '../../protocol';

export interface PlanRequest {
  readonly id: number;
  readonly input: PlanInput;
  /** `proven` takes as long as the solver's budget lasts. */
  readonly wanted: 'quick' | 'proven';
}

/**
 * `fault` says what is wrong with the planner: every sound model has a plan. `lacking` says what a plan, good all the same, was to tell and doesn't,
 * and why.
 */
export type PlanReply = { readonly id: number; readonly plan: PlanJson; readonly lacking?: string } | { readonly id: number; readonly fault: string };

declare const IS_PLAN_INPUT: unique symbol;

/** All that a plan is a function of, as text: it is compared, and handed to a thread, in a fraction of the time that objects take. */
export type PlanInput = string & { readonly [IS_PLAN_INPUT]: true };

interface Input {
  readonly model: PoolModel;
  readonly previous: PreviousPlacement;
}

export function planInput(model: PoolModel, previous: PreviousPlacement): PlanInput {
  return JSON.stringify({ model, previous } satisfies Input) as PlanInput;
}

export function readPlanInput(input: PlanInput): Input {
  return JSON.parse(input) as Input;
}
