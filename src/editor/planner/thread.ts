/** The thread that plans while specs are edited: seconds for thousands of VMs, in which the window must not stand still. */

import { parentPort } from 'node:worker_threads';
import { EMPTY_INVENTORY } from '../../backend/placement/inputs';
import { planPlacement } from '../../backend/placement/plan';
import { readPlanInput, type PlanReply, type PlanRequest } from './messages';

parentPort?.on('message', (request: PlanRequest) => {
  parentPort?.postMessage(answer(request));
});

function answer({ id, input }: PlanRequest): PlanReply {
  try {
    const { model, previous } = readPlanInput(input);
    return { id, plan: planPlacement(model, EMPTY_INVENTORY, previous) };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error) };
  }
}
