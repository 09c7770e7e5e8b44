/** `pxen plan`: where each VM goes, why some don't fit, and the actions that lead there. Reads only. */

import path from 'node:path';
import type { ProblemJson } from '../../protocol';
import { loadDrive } from '../drive/load';
import { StateFileError } from '../drive/stateFiles';
import { openDriveState } from '../drive/stateStore';
import { EMPTY_INVENTORY, previousPlacement, type PreviousPlacement } from '../placement/inputs';
import { poolLoads } from '../placement/loads';
import { planPlacement } from '../placement/plan';
import { planText } from '../placement/planText';
import { systemClock, systemRandom } from '../system';
import { EXIT, type VerbIo } from './io';

export interface PlanOptions {
  readonly drive: string;
  readonly json: boolean;
}

/** With `--json` one PlanJson, or `{"problems":[…]}` for an invalid drive. Exits 0 all placed, 1 some VM left out, 2 invalid drive. */
export async function runPlan(options: PlanOptions, io: VerbIo): Promise<number> {
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
  const plan = planPlacement(model, EMPTY_INVENTORY, previous);
  io.out(options.json ? `${JSON.stringify(plan)}\n` : planText(model, plan, poolLoads(model, EMPTY_INVENTORY, previous, plan)));
  return plan.unplaced.length === 0 ? EXIT.ok : EXIT.problems;
}

function problemLine({ file, line, column, severity, code, message }: ProblemJson): string {
  return `${file}:${line}:${column}: ${severity} ${code} ${message}`;
}
