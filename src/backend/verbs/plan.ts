/** `pxen plan`: where each VM goes, why some don't fit, and the actions that lead there. Reads only. */

import path from 'node:path';
import type { PlanJson, ProblemJson } from '../../protocol';
import { loadDrive } from '../drive/load';
import type { PoolModel } from '../drive/model';
import { StateFileError } from '../drive/stateFiles';
import { openDriveState } from '../drive/stateStore';
import { EMPTY_INVENTORY, previousPlacement, type PreviousPlacement } from '../placement/inputs';
import { poolLoads } from '../placement/loads';
import { planPlacement, solvePlacement } from '../placement/plan';
import { openProver, type ProverThread } from '../placement/thread/proverThread';
import { planText, progressLine } from '../placement/planText';
import { systemClock, systemRandom } from '../system';
import { EXIT, type VerbIo } from './io';

export interface PlanOptions {
  readonly drive: string;
  readonly json: boolean;
  /** Search on until the plan is proven best, the budget is spent, or the user interrupts. */
  readonly prove: boolean;
}

/**
 * With `--json` one PlanJson, or `{"problems":[…]}` for an invalid drive. Exits 0 all placed, 1 some VM left out, 2 invalid drive.
 * `solver` opens what proves; the built command line has it beside itself.
 */
export async function runPlan(options: PlanOptions, io: VerbIo, solver: () => ProverThread = () => openProver(__dirname)): Promise<number> {
  const { root, model, problems } = await loadDrive(options.drive);
  if (model === undefined) {
    if (options.json) io.out(`${JSON.stringify({ problems })}\n`);
    io.err(`${problems.map(problemLine).join('\n')}\nThe drive's specs have errors; there is nothing to plan until they are put right.\n`);
    return EXIT.usage;
  }
  let previous: PreviousPlacement;
  try {
    previous = previousPlacement(await openDriveState(path.join(root, 'state'), systemClock, systemRandom).placement());
  } catch (error) {
    if (!(error instanceof StateFileError)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
  const plan = options.prove ? await provenPlan(model, previous, io, solver()) : planPlacement(model, EMPTY_INVENTORY, previous);
  io.out(options.json ? `${JSON.stringify(plan)}\n` : planText(model, plan, poolLoads(model, EMPTY_INVENTORY, previous, plan)));
  return plan.unplaced.length === 0 ? EXIT.ok : EXIT.problems;
}

async function provenPlan(model: PoolModel, previous: PreviousPlacement, io: VerbIo, prover: ProverThread): Promise<PlanJson> {
  try {
    const onIncumbent = (plan: PlanJson) => io.err(`${progressLine(plan)}\n`);
    const plan = await solvePlacement(model, EMPTY_INVENTORY, previous, { prover, onIncumbent, signal: io.signal });
    if (io.signal.aborted) io.err('Stopped: this is the best plan so far.\n');
    return plan;
  } finally {
    await prover.close();
  }
}

function problemLine({ file, line, column, severity, code, message }: ProblemJson): string {
  return `${file}:${line}:${column}: ${severity} ${code} ${message}`;
}
