/** What a backend does: it owns at most one running pool of a drive, and answers for it. */

import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { BackendRecord, BackendRequests, BootParams, BootResult, PoolEvent, PoolSnapshot, PoolTarget, ProblemJson } from '../../protocol';
import type { PoolModel } from '../drive/model';
import { openDriveState } from '../drive/stateStore';
import { wakeAll } from '../power/waves';
import type { Log } from '../system';
import { answeredBesidePool } from './answered';
import { type Claim, findBackend } from './claim';
import { lookAtPool, neverBooted, shutDownDirectly } from './direct';
import type { PoolEnvironment } from './environment';
import { PoolError } from './errors';
import { followDrive } from './followDrive';
import { GoldenImages } from './golden';
import { missingGuestFiles } from './guestFiles';
import { vmUuids } from './guests';
import { openPoolKeys } from './keys';
import { machineFolders } from './machines';
import type { PoolParts } from './parts';
import { claimReachably } from './reachable';
import { attachTo, type BackendHandlers } from './rpc';
import { type PoolRun, runPool } from './run';
import { loadSoundDrive } from './soundDrive';

/** Makes the surroundings that a target names, for a drive whose specs are sound. */
export type OpenEnvironment = (target: PoolTarget, root: string, model: PoolModel, log: Log, signal: AbortSignal) => Promise<PoolEnvironment>;

export interface PoolServiceOptions {
  readonly openEnvironment: OpenEnvironment;
  readonly parts: PoolParts;
  readonly log: Log;
  readonly onEvent: (event: PoolEvent) => void;
  /** Called when somebody asks this backend to end. */
  readonly onStop: () => void;
}

interface OwnedPool {
  readonly target: PoolTarget;
  readonly run: PoolRun;
  /** Undoes what was opened, last first. */
  close(): Promise<void>;
}

export class PoolService {
  /** By the drive's folder, without symbolic links. */
  private readonly pools = new Map<string, Promise<OwnedPool>>();
  private readonly ending = new Map<string, Promise<void>>();
  private readonly listeners = new Set<(event: PoolEvent) => void>();

  constructor(private readonly options: PoolServiceOptions) {
    this.listeners.add(options.onEvent);
  }

  /** The methods of `BackendRequests`, for any number of connections. */
  readonly handlers: BackendHandlers = {
    'pool/boot': (params, signal) => this.boot(params, signal),
    'pool/status': ({ drive }, signal) => this.status(drive, signal),
    'pool/down': ({ drive, force }, signal) => this.down(drive, force ?? false, signal),
    'pool/wake': (params, signal) => this.wake(params, signal),
    'backend/stop': () => {
      this.options.onStop();
      return Promise.resolve(null);
    },
  };

  /**
   * Boots the pool, or joins the boot that is under way. Resolves when nothing more happens by itself. An aborted signal ends
   * the run: hosts and VMs are left as they are. Rejects with a `PoolError` when it can't begin.
   */
  async boot({ drive, target, despiteOtherDhcp = false }: BootParams, signal: AbortSignal): Promise<BootResult> {
    const root = await rootOf(drive);
    await this.ending.get(root);
    const present = this.pools.get(root);
    const opening = present ?? this.open(root, { target, despiteOtherDhcp }, signal);
    if (present === undefined) {
      this.pools.set(root, opening);
      opening.catch(() => this.pools.delete(root));
    }
    const pool = await opening;
    if (pool.target !== target) throw new PoolError(`The pool of ${root} runs already, as "${pool.target}".`, 'Shut it down first.');
    // Only the one who began the boot ends it by turning away.
    if (present !== undefined) return resultOf(await unlessAborted(pool.run.settled, signal));
    try {
      return resultOf(await unlessAborted(pool.run.settled, signal));
    } catch (error) {
      await this.end(root);
      throw error;
    }
  }

  /** From the run of this backend, else from another backend's, else by asking the hosts. */
  async status(drive: string, signal: AbortSignal): Promise<PoolSnapshot> {
    const root = await rootOf(drive);
    const pool = await this.pools.get(root);
    if (pool !== undefined) return pool.run.snapshot();
    const other = await this.otherBackend(root);
    if (other !== undefined) return this.askOther(other, 'pool/status', { drive: root }, signal);
    const { model } = await loadSoundDrive(root);
    await this.tellWhoIsNotAsked(root, model);
    return lookAtPool(root, model, this.options.parts, signal);
  }

  async down(drive: string, force: boolean, signal: AbortSignal): Promise<BootResult> {
    const root = await rootOf(drive);
    const pool = await this.pools.get(root);
    if (pool !== undefined) {
      try {
        return downResult(await pool.run.shutDown({ force }, signal));
      } finally {
        // Also when it was broken off: the run does nothing more, and the next backend takes it from there. Not awaited: whoever
        // asked may be connected through what ends now, and gets the answer first.
        void this.end(root);
      }
    }
    const other = await this.otherBackend(root);
    if (other !== undefined) return this.askOther(other, 'pool/down', { drive: root, force }, signal);
    const { model } = await loadSoundDrive(root);
    await this.tellWhoIsNotAsked(root, model);
    // No other backend may begin to boot what is being shut down.
    const claim = await this.claim({ stateFolder: machineFolders(root).stateFolder, target: 'machines' });
    try {
      return downResult(await shutDownDirectly(root, model, this.options.parts, { force, onEvent: (event) => this.emit(event) }, signal));
    } finally {
      await claim.release();
    }
  }

  /** Resolves when this backend has no run of the drive any more. */
  async ended(drive: string): Promise<void> {
    const root = await rootOf(drive);
    const pool = await this.pools.get(root);
    await pool?.run.closed;
    await this.ending.get(root);
  }

  /** Resolves when this backend has no run at all. */
  async allEnded(): Promise<void> {
    while (this.pools.size > 0 || this.ending.size > 0) await Promise.all([...this.pools.keys(), ...this.ending.keys()].map((root) => this.ended(root)));
  }

  /** Ends every run; hosts and VMs go on. */
  async close(): Promise<void> {
    await Promise.all([...this.pools.keys()].map((root) => this.end(root)));
    await Promise.all(this.ending.values());
  }

  private async wake({ drive, hosts }: BackendRequests['pool/wake']['params'], signal: AbortSignal): Promise<{ readonly woken: readonly string[] }> {
    const root = await rootOf(drive);
    const pool = await this.pools.get(root);
    if (pool !== undefined) {
      await pool.run.wake(hosts, signal);
      return { woken: hosts };
    }
    const { model } = await loadSoundDrive(root);
    const { parts, openEnvironment, log } = this.options;
    const chosen = model.hosts.filter(({ name }) => hosts.includes(name));
    const environment = await openEnvironment('machines', root, model, log, signal);
    try {
      const { clock } = parts;
      await wakeAll({ hosts: chosen, waves: model.cluster.boot, wake: (host) => parts.wakeHost({ host, ...environment.wake(host), clock, log, signal }), clock, signal });
    } finally {
      await environment.close();
    }
    return { woken: chosen.map(({ name }) => name) };
  }

  private async open(root: string, { target, despiteOtherDhcp }: Required<Omit<BootParams, 'drive'>>, signal: AbortSignal): Promise<OwnedPool> {
    const { openEnvironment, parts, log } = this.options;
    const { model, problems, specTexts } = await loadSoundDrive(root);
    const closers: (() => Promise<void>)[] = [];
    const close = async () => {
      for (const closer of closers.splice(0).reverse()) await closer();
    };
    try {
      const environment = await openEnvironment(target, root, model, log, signal);
      closers.push(() => environment.close());
      const claim = await this.claim(environment);
      closers.push(() => claim.release());
      const state = openDriveState(environment.stateFolder, parts.clock, parts.random);
      const { driveId } = await state.identity();
      // A lab puts files of its own in place of those, and machines that have whatever the specs say.
      if (environment.standIn === undefined) for (const sentence of [...placeholdersLeft(problems), ...(await missingGuestFiles(model, root, await state.placement()))]) log('warn', sentence);
      const drive = followDrive({ root, first: model, answered: answeredBesidePool, clock: parts.clock, log });
      closers.push(() => drive.close());
      const run = await runPool({
        ...parts,
        model,
        answered: () => drive.model(),
        driveId,
        driveFolder: root,
        specText: (vm) => specTexts.get(`vm/${vm}`),
        vmUuids: vmUuids(model, driveId),
        environment,
        despiteOtherDhcp,
        state,
        keys: await openPoolKeys(environment.keysFolder, `pxen-${model.cluster.name}`),
        golden: new GoldenImages(root, path.join(environment.stateFolder, 'golden')),
        log,
        onEvent: (event) => this.emit(event),
      });
      closers.push(() => run.close());
      return { target, run, close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Others reach this backend by its socket; each connection hears the events. */
  private claim({ stateFolder, target }: Pick<PoolEnvironment, 'stateFolder' | 'target'>): Promise<Claim> {
    const { parts, log } = this.options;
    return claimReachably({ stateFolder, target, clock: parts.clock, handlers: this.handlers, log, subscribe: (listener) => this.subscribe(listener) });
  }

  /** Calls `listener` with every event until the returned function is called. */
  private subscribe(listener: (event: PoolEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Another drive, or a former copy of this one, may have booted them. */
  private async tellWhoIsNotAsked(root: string, model: PoolModel): Promise<void> {
    const hosts = await neverBooted(root, model, this.options.parts);
    if (hosts.length > 0) this.options.log('warn', `Never booted from this drive, so taken for off and not asked: ${hosts.join(', ')}.`);
  }

  private end(root: string): Promise<void> {
    const present = this.pools.get(root);
    if (present === undefined) return this.ending.get(root) ?? Promise.resolve();
    this.pools.delete(root);
    const work = present
      .then((pool) => pool.close())
      .catch((error: unknown) => this.options.log('error', `The run of ${root} didn't end cleanly: ${error instanceof Error ? error.message : String(error)}`))
      .then(() => void this.ending.delete(root));
    this.ending.set(root, work);
    return work;
  }

  private async otherBackend(root: string): Promise<BackendRecord | undefined> {
    for (const folder of [path.join(root, 'state'), path.join(root, 'state', 'lab')]) {
      const record = await findBackend(folder, this.options.parts.clock);
      if (record !== undefined && record.pid !== process.pid) return record;
    }
    return undefined;
  }

  private async askOther<Method extends 'pool/status' | 'pool/down'>(
    record: BackendRecord,
    method: Method,
    params: BackendRequests[Method]['params'],
    signal: AbortSignal,
  ): Promise<BackendRequests[Method]['result']> {
    const backend = await attachTo(record, this.options.parts.clock, (event) => this.emit(event)).catch((error: unknown) => {
      throw new PoolError(`The backend that works on this drive (process ${record.pid}) can't be asked: ${error instanceof Error ? error.message : String(error)}.`, 'Ask as the user who started it, or end that process.');
    });
    try {
      return await backend.request(method, params, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new PoolError(`The backend that works on this drive (process ${record.pid}) says: ${error instanceof Error ? error.message : String(error)}`, '`pxen status` shows how things are.');
    } finally {
      backend.close();
    }
  }

  private emit(event: PoolEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** One drive has one name here, by whatever path it is asked for. A folder that isn't there is for the loader to tell of. */
async function rootOf(drive: string): Promise<string> {
  try {
    return await realpath(drive);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path.resolve(drive);
    throw error;
  }
}

function placeholdersLeft(problems: readonly ProblemJson[]): readonly string[] {
  return problems.filter(({ code }) => code === 'placeholder-left').map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

function resultOf(snapshot: PoolSnapshot): BootResult {
  return { exitCode: snapshot.phase === 'up' ? 0 : 3, snapshot };
}

function downResult(snapshot: PoolSnapshot): BootResult {
  return { exitCode: snapshot.phase === 'down' ? 0 : 3, snapshot };
}
