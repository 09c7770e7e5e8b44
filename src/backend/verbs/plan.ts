/** `pxen plan`: where each VM goes, why some don't fit, and the actions that lead there. Reads only. */

import path from 'node:path';
import type { PlanJson, ProblemJson } from '../../protocol';
import { loadDrive } from '../drive/load';
import { StateFileError } from '../drive/stateFiles';
import { openDriveState } from '../drive/stateStore';
import { EMPTY_INVENTORY, previousPlacement, type PlanInputs } from '../placement/inputs';
import { poolLoads } from '../placement/loads';
import { planPlacement, solvePlacement } from '../placement/plan';
import { planText, progressLine } from '../placement/planText';
import { withRemedies } from '../placement/remedies';
import { openProver, type ProverThread } from '../placement/thread/proverThread';
import { howManyMore, withCopies, withoutHost } from '../placement/whatIf';
import { systemClock, systemRandom } from '../system';
import { EXIT, type VerbIo } from './io';

export interface PlanOptions {
  readonly drive: string;
  readonly json: boolean;
  /** Search on until the plan is proven best, the budget is spent, or the user interrupts. */
  readonly prove: boolean;
  readonly whatIf: WhatIf;
}

/** Questions about a pool that isn't; names as the user wrote them. */
export interface WhatIf {
  /** Hosts that are gone, with all that lay on them. */
  readonly without: readonly string[];
  /** `VM=N`: this VM N times more. */
  readonly more: readonly string[];
  /** How many more of this VM fit? */
  readonly howMany?: string;
}

export const NO_QUESTION: WhatIf = { without: [], more: [] };

/**
 * With `--json` one PlanJson, `{"vm","more"}` for `howMany`, or `{"problems":[…]}` for an invalid drive. Exits 0 all placed, 1 some VM left
 * out, 2 invalid drive or question. `solver` opens what proves; the built command line has it beside itself.
 */
export async function runPlan(options: PlanOptions, io: VerbIo, solver: () => ProverThread = () => openProver(__dirname)): Promise<number> {
  const { root, model, problems } = await loadDrive(options.drive);
  if (model === undefined) {
    if (options.json) io.out(`${JSON.stringify({ problems })}\n`);
    io.err(`${problems.map(problemLine).join('\n')}\nThe drive's specs have errors; there is nothing to plan until they are put right.\n`);
    return EXIT.usage;
  }
  try {
    const lock = await openDriveState(path.join(root, 'state'), systemClock, systemRandom).placement();
    const inputs = imagined({ model, inventory: EMPTY_INVENTORY, previous: previousPlacement(lock) }, options.whatIf);
    return await answer(inputs, options, io, solver);
  } catch (error) {
    if (!(error instanceof StateFileError || error instanceof QuestionError)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}

async function answer(inputs: PlanInputs, options: PlanOptions, io: VerbIo, solver: () => ProverThread): Promise<number> {
  const { howMany } = options.whatIf;
  if (howMany !== undefined) {
    const more = howManyMore(inputs, existing(inputs, 'vms', howMany));
    io.out(options.json ? `${JSON.stringify({ vm: howMany, more })}\n` : `${more} more of ${howMany} ${more === 1 ? 'fits' : 'fit'}.\n`);
    return EXIT.ok;
  }
  const { model, inventory, previous } = inputs;
  const plan = withRemedies(inputs, options.prove ? await provenPlan(inputs, io, solver()) : planPlacement(model, inventory, previous));
  io.out(options.json ? `${JSON.stringify(plan)}\n` : planText(model, plan, poolLoads(model, inventory, previous, plan)));
  return plan.unplaced.length === 0 ? EXIT.ok : EXIT.problems;
}

class QuestionError extends Error {}

function imagined(inputs: PlanInputs, { without, more }: WhatIf): PlanInputs {
  let changed = inputs;
  for (const host of without) changed = withoutHost(changed, existing(inputs, 'hosts', host));
  for (const written of more) {
    const [, vm = '', count = ''] = /^([^=]+)=([1-9][0-9]{0,3})$/.exec(written) ?? [];
    if (vm === '') throw new QuestionError(`"${written}" doesn't say how many of which VM: write it as web1=3.`);
    changed = withCopies(changed, existing(inputs, 'vms', vm), Number(count));
  }
  return changed;
}

/** The name, when the drive describes it. */
function existing({ model }: PlanInputs, kind: 'hosts' | 'vms', name: string): string {
  const names = model[kind].map((one) => one.name);
  if (!names.includes(name)) throw new QuestionError(`This drive has no ${kind === 'hosts' ? 'host' : 'VM'} named ${name}. It has: ${names.join(', ')}.`);
  return name;
}

async function provenPlan({ model, inventory, previous }: PlanInputs, io: VerbIo, prover: ProverThread): Promise<PlanJson> {
  try {
    const onIncumbent = (plan: PlanJson) => io.err(`${progressLine(plan)}\n`);
    const plan = await solvePlacement(model, inventory, previous, { prover, onIncumbent, signal: io.signal });
    if (io.signal.aborted) io.err('Stopped: this is the best plan so far.\n');
    return plan;
  } finally {
    await prover.close();
  }
}

function problemLine({ file, line, column, severity, code, message }: ProblemJson): string {
  return `${file}:${line}:${column}: ${severity} ${code} ${message}`;
}
