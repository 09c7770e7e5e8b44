/** `pxen plan`: where each VM goes, why some don't fit, and the actions that lead there. Reads only. */

import type { PlanJson, ProblemJson } from '../../protocol';
import { folderTrouble } from '../drive/driveFolder';
import { StateFileError } from '../drive/stateFiles';
import { openDriveState } from '../drive/stateStore';
import { own } from '../placement/capacity';
import { previousPlacement, type MovePolicy, type PlanInputs } from '../placement/inputs';
import { poolLoads } from '../placement/loads';
import { planPlacement, solvePlacement } from '../placement/plan';
import { planDiff } from '../placement/planDiff';
import { planText, progressLine } from '../placement/planText';
import { withRemedies } from '../placement/remedies';
import { openProver, type ProverThread } from '../placement/thread/proverThread';
import { howManyMore, withCopies, withoutHost } from '../placement/whatIf';
import { whyHere } from '../placement/why';
import { someOf } from '../placement/words';
import { systemClock, systemRandom } from '../system';
import { EXIT, type VerbIo } from './io';
import { poolNow } from './poolNow';
import { loadDriveWith, UnreadableSpecError } from './withSpecs';

export interface PlanOptions {
  readonly drive: string;
  readonly json: boolean;
  /** Search on until the plan is proven best, the budget is spent, or the user interrupts. */
  readonly prove: boolean;
  readonly whatIf: WhatIf;
  /** Absent: any number of moves, and none that stops a VM. */
  readonly moves?: MovePolicy;
  /** What to show instead of the whole plan. */
  readonly show?: { readonly kind: 'diff' } | { readonly kind: 'why'; readonly vm: string };
}

const SEARCH_ON = '`pxen plan --prove` searches on.';

const MOVES: MovePolicy = { maxMoves: Infinity, stops: 'never' };

/** Questions about a pool that isn't; names as the user wrote them. */
export interface WhatIf {
  /** Hosts that are gone, with all that lay on them. */
  readonly without: readonly string[];
  /** `VM=N`: this VM N times more. */
  readonly more: readonly string[];
  /** How many more of this VM fit? */
  readonly howMany?: string;
  /** Files with specs that aren't on the drive, or stand in for its own of the same kind and name. */
  readonly with?: readonly string[];
}

export const NO_QUESTION: WhatIf = { without: [], more: [] };

/**
 * With `--json` one PlanJson, `{"vm","more"}` for `howMany`, `{"vm","host","why":[…]}` for `why`, or `{"problems":[…]}` for an invalid drive. Exits 0 all placed, 1 some VM left
 * out, 2 invalid drive or question. `solver` opens what proves; the built command line has it beside itself.
 */
export async function runPlan(options: PlanOptions, io: VerbIo, solver: () => ProverThread = () => openProver(__dirname)): Promise<number> {
  const trouble = await folderTrouble(options.drive);
  if (trouble !== undefined) {
    io.err(`${trouble.sentence} ${trouble.remedy}\n`);
    return EXIT.usage;
  }
  try {
    const { root, model, problems } = await loadDriveWith(options.drive, options.whatIf.with ?? []);
    if (model === undefined) {
      if (options.json) io.out(`${JSON.stringify({ problems })}\n`);
      io.err(`${problems.map(problemLine).join('\n')}\nThe drive's specs have errors; there is nothing to plan until they are put right.\n`);
      return EXIT.usage;
    }
    const { inventory, stateFolder } = await poolNow(root, systemClock, io);
    for (const [vm, host] of Object.entries(inventory.running)) if (!model.vms.some(({ name }) => name === vm)) io.err(`${vm} runs on ${host} and has no spec on this drive: the room it takes isn't counted.\n`);
    const lock = await openDriveState(stateFolder, systemClock, systemRandom).placement();
    const inputs = imagined({ model, inventory, previous: previousPlacement(lock), moves: options.moves ?? MOVES }, options.whatIf);
    return await answer(inputs, options, io, solver);
  } catch (error) {
    if (!(error instanceof StateFileError || error instanceof QuestionError || error instanceof UnreadableSpecError)) throw error;
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
  const { model, inventory, previous, moves } = inputs;
  const { show } = options;
  const vm = show?.kind === 'why' ? existing(inputs, 'vms', show.vm) : undefined;
  const found = options.prove ? await provenPlan(inputs, io, solver()) : planPlacement(model, inventory, previous, moves);
  if (vm !== undefined) return explain(inputs, found, vm, options.json, io);
  const plan = { ...withRemedies(inputs, found), ...(inputs.lost === undefined ? {} : { lost: inputs.lost }) };
  if (options.json) io.out(`${JSON.stringify(plan)}\n`);
  else io.out(show?.kind === 'diff' ? planDiff(inputs, plan) : planText(model, plan, poolLoads(model, inventory, previous, plan), options.prove ? '' : SEARCH_ON));
  return plan.unplaced.length === 0 ? EXIT.ok : EXIT.problems;
}

function explain(inputs: PlanInputs, plan: PlanJson, vm: string, json: boolean, io: VerbIo): number {
  const host = own(plan.assignments, vm);
  const left = plan.unplaced.find((one) => one.vm === vm);
  const why = host === undefined ? (left?.reasons ?? ["it isn't planned: start.auto is false"]) : whyHere(inputs, plan, vm);
  if (json) io.out(`${JSON.stringify({ vm, ...(host === undefined ? {} : { host }), why })}\n`);
  else io.out(`${host === undefined ? `${vm} is left out.` : `${vm} is on ${host}.`}\n${why.map((line) => `  ${line}\n`).join('')}`);
  return left === undefined ? EXIT.ok : EXIT.problems;
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
  if (!names.includes(name)) throw new QuestionError(`This drive has no ${kind === 'hosts' ? 'host' : 'VM'} named ${name}. It has: ${someOf(names)}.`);
  return name;
}

async function provenPlan({ model, inventory, previous, moves }: PlanInputs, io: VerbIo, prover: ProverThread): Promise<PlanJson> {
  try {
    let last = '';
    const onIncumbent = (plan: PlanJson) => {
      const line = progressLine(model, plan);
      // What a plan is better in needn't show in its line.
      if (line !== last) io.err(`${line}\n`);
      last = line;
    };
    const onFault = (error: unknown) => io.err(`Not every conflict was looked for: ${error instanceof Error ? error.message : String(error)}. The plan holds all the same.\n`);
    return await solvePlacement(model, inventory, previous, { prover, onIncumbent, onFault, signal: io.signal, ...(moves === undefined ? {} : { moves }) });
  } finally {
    await prover.close();
  }
}

function problemLine({ file, line, column, severity, code, message }: ProblemJson): string {
  return `${file}:${line}:${column}: ${severity} ${code} ${message}`;
}
