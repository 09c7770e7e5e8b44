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
    if (wanted === 'quick') return { id, plan: planPlacement(model, EMPTY_INVENTORY, previous) };
    let lacking: string | undefined;
    const onFault = (error: unknown) => (lacking = `Not every conflict of ${model.cluster.name} was looked for: ${messageOf(error)}`);
    const plan = await solvePlacement(model, EMPTY_INVENTORY, previous, { prover, onFault });
    return { id, plan, ...(lacking !== undefined && { lacking }) };
  } catch (error) {
    return { id, fault: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
