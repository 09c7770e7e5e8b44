/** The thread that plans while specs are edited: seconds for thousands of VMs, in which the window must not stand still. */

import { parentPort } from 'node:worker_threads';
import { EMPTY_INVENTORY } from '../../backend/placement/inputs';
import { planPlacement } from '../../backend/placement/plan';
import type { PlanReply, PlanRequest } from './messages';

parentPort?.on('message', ({ id, model, previous }: PlanRequest) => {
  parentPort?.postMessage(answer(id, () => planPlacement(model, EMPTY_INVENTORY, previous)));
});

function answer(id: number, plan: () => Extract<PlanReply, { plan: unknown }>['plan']): PlanReply {
  try {
    return { id, plan: plan() };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error) };
  }
}
