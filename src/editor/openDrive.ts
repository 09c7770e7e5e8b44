/**
 * A drive that is open in an editor, whichever: texts that aren't saved yet lie over what is on disk, and where VMs would run
 * follows from the two. The one place that reads specs for editors.
 */

import * as path from 'node:path';
import { readDriveFiles, readSpecText } from '../backend/drive/load';
import type { PoolModel } from '../backend/drive/model';
import { kindOfFile } from '../backend/drive/specFile';
import { openDriveState } from '../backend/drive/stateStore';
import { NO_PREVIOUS_PLACEMENT, previousPlacement, type PreviousPlacement } from '../backend/placement/inputs';
import { systemClock, systemRandom } from '../backend/system';
import type { PlanJson } from '../protocol';
import { EditorDrive } from './features/editorDrive';
import { placementOf, type Placement } from './features/placement';
import { planInput, type PlanInput } from './planner/messages';

/** Changes that follow each other faster, as a renaming's in many files, are shown together. */
const SHOW_EVERY_MS = 30;
/** Nobody reads a plan of half a number. */
const PLAN_AFTER_MS = 250;
/** Who goes on typing gets the next quick plan; the solver starts when there is a moment of quiet. */
const PROVE_AFTER_MS = 1000;
/**
 * VMs × hosts, beyond which no proof is tried: 64 × 600 are within, which take about 20 s of one core. Of larger pools the solver is given no program,
 * and what is done without one (`exact/prove.ts`) finds little; who wants that as well asks for it with `pxen plan --prove`.
 */
const MOST_PAIRS = 50_000;
/** Git checkouts and builds change many files at once. */
const READ_AFTER_MS = 50;

/** The files whose change on disk matters, as a glob relative to the drive: specs, what they speak of, and where VMs were placed. */
export const WATCHED_FILES = '{*.yaml,*.yml,hosts,hosts/**,vms,vms/**,images,images/*,images/*/manifest.json,disks,disks/**,state,state/identity.json,state/placement.json}';

/** What the editor lends. */
export interface Desk {
  /** Texts that aren't on disk yet, by file name relative to the drive. */
  readonly unsaved: () => Iterable<readonly [file: string, text: string]>;
  /** In a thread of its own, since it may take seconds. */
  readonly plan: (input: PlanInput) => Promise<PlanJson>;
  /** The best plan there is, in a thread of its own, which ends when the signal aborts. Undefined where plans aren't to be proven. */
  readonly prove: ((input: PlanInput, signal: AbortSignal) => Promise<PlanJson>) | undefined;
  /** After each change of specs, model or plan. */
  readonly changed: () => void;
  readonly warn: (message: string) => void;
}

export class OpenDrive {
  /** Of the specs as they stand, or as they last stood without errors. */
  model: PoolModel | undefined;
  /**
   * The plan from the placement that is written down, with the model it is of: `model`, or one from a moment ago. The quick one, until there is
   * a proven one.
   */
  placement: Placement | undefined;
  specs: EditorDrive = EditorDrive.of(new Map());

  readonly #show = new Pace(SHOW_EVERY_MS, () => this.#shown());
  readonly #planSoon = new Pause(PLAN_AFTER_MS, () => void this.#replan());
  readonly #proveSoon = new Pause(PROVE_AFTER_MS, () => void this.#prove().catch((error: unknown) => this.#warn(error)));
  readonly #readSoon = new Pause(READ_AFTER_MS, () => void this.#readTouched().catch((error: unknown) => this.#warn(error)));
  /** Since the last reading. */
  #touched: 'anything' | Set<string> = new Set();
  #reading: Promise<void> = Promise.resolve();
  #previous: PreviousPlacement = NO_PREVIOUS_PLACEMENT;
  #planning: 'no' | 'yes' | 'again' = 'no';
  /** What `placement` is the plan of. */
  #planned: { readonly input: PlanInput; readonly previous: PreviousPlacement } | undefined;
  #proof: AbortController | undefined;
  /** What the last proof failed of, which is told once and not after each change. */
  #proofFault: string | undefined;
  #closed = false;

  constructor(
    /** Absolute: the folder that holds `pxen.yaml`. */
    readonly path: string,
    private readonly desk: Desk,
  ) {}

  /** What to call it: the pool's name once it is known. */
  get name(): string {
    return this.model?.cluster.name ?? path.basename(this.path);
  }

  /** A file's name relative to the drive; undefined for one outside, and for one that holds no spec. */
  fileAt(absolute: string): string | undefined {
    const relative = path.relative(this.path, absolute).split(path.sep).join('/');
    return kindOfFile(relative) === undefined ? undefined : relative;
  }

  edited(file: string, text: string): void {
    if (this.#closed) return;
    this.specs = this.specs.with(file, text);
    this.#show.begin();
  }

  /** Something that is watched has changed: what a spec holds, if it is named. */
  touched(spec?: string): void {
    if (this.#closed) return;
    if (spec === undefined) this.#touched = 'anything';
    else if (this.#touched !== 'anything') this.#touched.add(spec);
    this.#readSoon.begin();
  }

  #readTouched(): Promise<void> {
    const touched = this.#touched;
    this.#touched = new Set();
    return touched === 'anything' ? this.read() : this.#inTurn(() => this.#readSpecs(touched));
  }

  async #readSpecs(files: ReadonlySet<string>): Promise<void> {
    const read = await Promise.all([...files].map((file) => readSpecText(this.path, file)));
    if (this.#closed) return;
    const before = this.specs;
    const unsaved = new Set([...this.desk.unsaved()].map(([file]) => file));
    // A file that can't be read any more is told of among all others.
    if (read.some((result) => 'problem' in result)) return this.#readAll();
    for (const result of read) if ('text' in result && !unsaved.has(result.file)) this.specs = this.specs.with(result.file, result.text);
    if (this.specs !== before) this.#shown();
  }

  /** Reads the drive anew. */
  read(): Promise<void> {
    return this.#inTurn(() => this.#readAll());
  }

  /** One reading after the other. What goes wrong is its asker's to tell; those after it go on. */
  #inTurn(read: () => Promise<void>): Promise<void> {
    const done = this.#reading.then(read);
    this.#reading = done.catch(() => undefined);
    return done;
  }

  async #readAll(): Promise<void> {
    const [files, previous] = await Promise.all([readDriveFiles(this.path), this.#readPlacement()]);
    if (this.#closed) return;
    this.#previous = previous;
    this.specs = EditorDrive.of(new Map([...files.texts, ...this.desk.unsaved()]), files.surroundings, files.unread, this.specs);
    this.#takeModel();
    this.#shown();
  }

  async #readPlacement(): Promise<PreviousPlacement> {
    try {
      return previousPlacement(await openDriveState(path.join(this.path, 'state'), systemClock, systemRandom).placement());
    } catch (error) {
      this.#warn(error);
      return NO_PREVIOUS_PLACEMENT;
    }
  }

  #shown(): void {
    this.#planSoon.begin();
    this.desk.changed();
  }

  /** Apart from showing what was typed, for which no keystroke waits. */
  #takeModel(): void {
    this.model = this.specs.checked.model ?? this.model;
  }

  /** One plan at a time: what changes meanwhile is planned when it is there. */
  async #replan(): Promise<void> {
    this.#takeModel();
    if (this.#planning !== 'no') {
      this.#planning = 'again';
      return;
    }
    do {
      this.#planning = 'yes';
      await this.#plan();
    } while (this.#wantsAnother());
    this.#planning = 'no';
  }

  #wantsAnother(): boolean {
    return this.#planning === 'again' && !this.#closed;
  }

  /** Comments, and specs with errors, change nothing of what there is to plan. */
  async #plan(): Promise<void> {
    const { model } = this;
    if (!model) return;
    const previous = this.#previous;
    const input = planInput(model, previous);
    if (input === this.#planned?.input) return;
    this.#endProof();
    try {
      const plan = await this.desk.plan(input);
      if (this.#closed) return;
      const isProving = this.desk.prove !== undefined && plan.status === 'feasible' && model.vms.length * model.hosts.length <= MOST_PAIRS;
      this.placement = placementOf(model, plan, previous, { isProving });
      this.#planned = { input, previous };
      if (isProving) this.#proveSoon.begin();
      this.desk.changed();
    } catch (error) {
      this.#warn(error);
    }
  }

  /** The proven plan takes the quick one's place, unless the pool has changed meanwhile. Without one the quick plan stays. */
  async #prove(): Promise<void> {
    const quick = this.placement;
    const planned = this.#planned;
    if (!quick || !planned) return;
    const { signal } = (this.#proof = new AbortController());
    const plan = await this.#proven(planned.input, signal);
    if (signal.aborted) return;
    this.placement = plan ? placementOf(quick.model, plan, planned.previous, { quick: quick.plan }) : { ...quick, isProving: false };
    this.desk.changed();
  }

  /** Undefined when there is none, which is told. */
  async #proven(input: PlanInput, signal: AbortSignal): Promise<PlanJson | undefined> {
    try {
      return await this.desk.prove?.(input, signal);
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (!signal.aborted && fault !== this.#proofFault) {
        this.#proofFault = fault;
        this.#warn(`The plan of ${this.name} can't be proven; the quick one stays. ${fault}`);
      }
      return undefined;
    }
  }

  /** What is shown is forgotten as the answer to anything: the plan that follows may fail, and the same pool be planned and proven anew. */
  #endProof(): void {
    this.#proveSoon.end();
    this.#proof?.abort();
    this.#planned = undefined;
    if (this.placement?.isProving === true) this.placement = { ...this.placement, isProving: false };
  }

  #warn(error: unknown): void {
    if (!this.#closed) this.desk.warn(error instanceof Error ? error.message : String(error));
  }

  /** Nothing is called back any more. */
  close(): void {
    this.#closed = true;
    for (const timer of [this.#show, this.#planSoon, this.#readSoon]) timer.end();
    this.#endProof();
  }
}

/** Calls back once nothing has begun it anew for a while. */
class Pause {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delayMs: number,
    private readonly callback: () => void,
  ) {}

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.callback, this.delayMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Calls back right after it was begun, but not again before a while has passed since: what began it meanwhile shares one call. */
class Pace {
  #timer: NodeJS.Timeout | undefined;
  #notBefore = 0;

  constructor(
    private readonly everyMs: number,
    private readonly callback: () => void,
  ) {}

  begin(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const started = systemClock.now();
      this.callback();
      // At least as long again as the call took, so that there is time left for all else.
      this.#notBefore = systemClock.now() + Math.max(this.everyMs, systemClock.now() - started);
    }, Math.max(0, this.#notBefore - systemClock.now()));
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
