/** What the planner's thread and its owner say to each other. Everything is cloned on the way. */

import type { PoolModel } from '../../backend/drive/model';
import type { PreviousPlacement } from '../../backend/placement/inputs';
import type { PlanJson } from '../../protocol';

export interface PlanRequest {
  readonly id: number;
  readonly model: PoolModel;
  readonly previous: PreviousPlacement;
}

/** `fault` says what is wrong with the planner: every sound model has a plan. */
export type PlanReply = { readonly id: number; readonly plan: PlanJson } | { readonly id: number; readonly fault: string };
