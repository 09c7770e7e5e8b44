/**
 * One drive's pool as the window sees it: the backend that works on it, and what that backend has told so far. Knows nothing of
 * VS Code.
 */

import { CancelledError, type Backend, type BackendListeners } from './client';
import type { BackendRequests, BootResult, PoolEvent, PoolSnapshot, PoolTarget } from './protocol';
import { afterEvent } from './views/snapshot';

/** What is being done, in the words of the user interface. */
export type Activity = 'booting' | 'shutting down' | 'waking';

export interface SessionOptions {
  /** Absolute path of the drive's folder. */
  readonly drive: string;
  /** Starts a backend that can reach the target's machines. */
  readonly start: (target: PoolTarget, listeners: BackendListeners) => Backend;
  /** Finds the backend that another window or command left working on the drive; undefined when there is none. */
  readonly find: (drive: string, listeners: BackendListeners) => Promise<FoundBackend | undefined>;
  readonly onEvent: (event: PoolEvent) => void;
  readonly onLine: (line: string) => void;
  /** The backend ended without being asked to. */
  readonly onLost: (error: Error) => void;
}

export interface FoundBackend {
  readonly backend: Backend;
  readonly target: PoolTarget;
}

interface Running extends FoundBackend {
  /** Whether this session started it, and so ends it. */
  readonly own: boolean;
}

export class PoolSession {
  readonly drive: string;
  #running: Running | undefined;
  #snapshot: PoolSnapshot | undefined;
  #activity: Activity | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(private readonly options: SessionOptions) {
    this.drive = options.drive;
  }

  /** What the backend told last; undefined while none was asked. */
  get snapshot(): PoolSnapshot | undefined {
    return this.#snapshot;
  }

  get activity(): Activity | undefined {
    return this.#activity;
  }

  /** The target of the backend that works on the drive; undefined when none does. */
  get serving(): PoolTarget | undefined {
    return this.#running?.target;
  }

  /** Calls back after each change; the returned function takes it back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Joins a backend that already works on the drive, so that its pool shows from the start. */
  async attach(): Promise<void> {
    if (this.#running !== undefined) return;
    const found = await this.options.find(this.drive, this.#backendListeners());
    if (found === undefined) return;
    this.#adopt({ ...found, own: false });
    this.#snapshot = await found.backend.request('pool/status', { drive: this.drive });
    this.#changed();
  }

  async boot(target: PoolTarget, signal: AbortSignal): Promise<BootResult> {
    if (this.#running !== undefined && this.#running.target !== target) await this.stop();
    return this.#act('booting', target, 'pool/boot', { drive: this.drive, target }, signal);
  }

  /** Ends VMs, then hosts. Without a backend at work, one is started to reach the machines by their pinned keys. */
  async shutDown(signal: AbortSignal): Promise<BootResult> {
    return this.#act('shutting down', this.serving ?? 'machines', 'pool/down', { drive: this.drive }, signal);
  }

  async wake(hosts: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const { woken } = await this.#act('waking', this.serving ?? 'machines', 'pool/wake', { drive: this.drive, hosts }, signal);
    return woken;
  }

  /** Ends the backend, whoever started it. Machines and VMs go on running; a lab's machines end with it. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    // The process may end before its answer is through; that it is gone is what was asked for.
    await Promise.race([running.backend.request('backend/stop', {}), running.backend.ended]).catch((error: unknown) => {
      this.options.onLine(`stopping the backend: ${error instanceof Error ? error.message : String(error)}`);
    });
    await running.backend.close(END_LIMIT_MS);
    this.#snapshot = undefined;
    this.#changed();
  }

  /** The window closes: its own backend ends unless it was started to stay. */
  async release(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.backend.close(END_LIMIT_MS);
  }

  async #act<Method extends keyof BackendRequests>(
    activity: Activity,
    target: PoolTarget,
    method: Method,
    params: BackendRequests[Method]['params'],
    signal: AbortSignal,
  ): Promise<BackendRequests[Method]['result']> {
    if (this.#activity !== undefined) throw new Error(`The pool is ${this.#activity} already.`);
    this.#activity = activity;
    this.#changed();
    try {
      const { backend } = this.#running ?? this.#start(target);
      const result = await backend.request(method, params, signal);
      if (result !== null && 'snapshot' in result) this.#snapshot = result.snapshot;
      return result;
    } catch (error) {
      if (error instanceof CancelledError) await this.#refresh();
      throw error;
    } finally {
      this.#activity = undefined;
      this.#changed();
    }
  }

  /** What a cancelled request left behind is for the backend to say. */
  async #refresh(): Promise<void> {
    const snapshot = await this.#running?.backend.request('pool/status', { drive: this.drive });
    if (snapshot !== undefined) this.#snapshot = snapshot;
  }

  #start(target: PoolTarget): Running {
    return this.#adopt({ backend: this.options.start(target, this.#backendListeners()), target, own: true });
  }

  #adopt(running: Running): Running {
    this.#running = running;
    void running.backend.ended.then((error) => {
      if (this.#running !== running) return;
      this.#running = undefined;
      this.#snapshot = undefined;
      // What is under way ends with this very error, and tells it.
      if (error !== undefined && this.#activity === undefined) this.options.onLost(error);
      this.#changed();
    });
    return running;
  }

  #backendListeners(): BackendListeners {
    return {
      onLine: this.options.onLine,
      onEvent: (event) => {
        this.#snapshot = afterEvent(this.#snapshot, event);
        this.options.onEvent(event);
        this.#changed();
      },
    };
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** VS Code gives an extension about five seconds to end. */
const END_LIMIT_MS = 4_000;
