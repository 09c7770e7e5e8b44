/** The threads that plan while specs are edited, in which the window must not stand still: seconds for thousands of VMs, and longer for a proof. */

import { parentPort } from 'node:worker_threads';
import { EMPTY_INVENTORY } from '../../backend/placement/inputs';
import { planPlacement, solvePlacement } from '../../backend/placement/plan';
import { openProver } from '../../backend/placement/thread/proverThread';
import { readPlanInput, type PlanReply, type PlanRequest } from './messages';

/** Starts its own thread, the solver's, when it is first asked; the two end together. */
const prover = openProver(__dirname);

parentPort?.on('message', (request: PlanRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});

async function answer({ id, input, wanted }: PlanRequest): Promise<PlanReply> {
  try {
    const { model, previous } = readPlanInput(input);
    return { id, plan: wanted === 'quick' ? planPlacement(model, EMPTY_INVENTORY, previous) : await solvePlacement(model, EMPTY_INVENTORY, previous, { prover }) };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error) };
  }
}
