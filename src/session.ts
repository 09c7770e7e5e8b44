/**
 * One drive's pool as the window sees it: the backend that works on it, and what that backend has told so far. Knows nothing of
 * VS Code.
 */

import type { Backend, BackendListeners } from './client';
import { hasClientErrorCode } from './clientErrors';
import type { BootParams, BootResult, PoolEvent, PoolSnapshot, PoolTarget } from './protocol';
import { afterEvent } from './views/snapshot';

/** What is being done, in the words of the user interface. */
export type Activity = 'booting' | 'shutting down' | 'waking';

export interface SessionOptions {
  /** Absolute path of the drive's folder. */
  readonly drive: string;
  /** Starts a backend. One that only looks or wakes needs no more rights than the window has. */
  readonly start: (purpose: BackendPurpose, listeners: BackendListeners) => Promise<Backend>;
  /** Finds the backend that another window or command left working on the drive; undefined when there is none. */
  readonly find: (drive: string, listeners: BackendListeners) => Promise<FoundBackend | undefined>;
  /** `before` is what was known until this event. */
  readonly onEvent: (event: PoolEvent, before: PoolSnapshot | undefined) => void;
  readonly onLine: (line: string) => void;
  /** The backend ended without being asked to. */
  readonly onLost: (error: Error) => void;
}

export interface BackendPurpose {
  readonly target: PoolTarget;
  /** `serve`: it will listen on the boot server's ports, and read what an earlier one wrote for itself alone. */
  readonly for: 'serve' | 'wake';
}

export interface FoundBackend {
  readonly backend: Backend;
  readonly target: PoolTarget;
}

export class PoolSession {
  readonly drive: string;
  #running: FoundBackend | undefined;
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
    this.#adopt(found);
    this.#snapshot = await found.backend.request('pool/status', { drive: this.drive });
    this.#changed();
  }

  async boot(target: PoolTarget, signal: AbortSignal, how: Pick<BootParams, 'despiteOtherDhcp'> = {}): Promise<BootResult> {
    if (this.#activity === undefined && this.#running !== undefined && this.#running.target !== target) await this.stop();
    return this.#during('booting', async () => {
      const present = this.#running;
      const { backend } = present ?? (await this.#start(target));
      const booting = backend.request('pool/boot', { drive: this.drive, target, ...how }, signal);
      // Events tell changes; what they change is asked for once. Should that fail, so does the boot, with more to say.
      backend.request('pool/status', { drive: this.drive }, signal).then(
        (snapshot) => this.#begin(snapshot),
        () => undefined,
      );
      try {
        return this.#told(await booting);
      } catch (error) {
        // What became of the hosts is for the backend to say. One that ran before goes on: it has a pool to serve.
        if (hasClientErrorCode(error, 'cancelled')) this.#snapshot = await backend.request('pool/status', { drive: this.drive });
        if (present === undefined) await this.release();
        throw error;
      }
    });
  }

  /** Ends VMs, then hosts. Without a backend at work, one is started to reach the machines by their pinned keys. */
  async shutDown(signal: AbortSignal): Promise<BootResult> {
    return this.#during('shutting down', async () => {
      const { backend } = this.#running ?? (await this.#start('machines'));
      const result = this.#told(await backend.request('pool/down', { drive: this.drive }, signal));
      await this.release();
      return result;
    });
  }

  /** Resolves with the hosts that magic packets were sent to. */
  async wake(hosts: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    return this.#during('waking', async () => {
      const params = { drive: this.drive, hosts };
      if (this.#running !== undefined) return (await this.#running.backend.request('pool/wake', params, signal)).woken;
      const backend = await this.options.start({ target: 'machines', for: 'wake' }, this.#backendListeners());
      try {
        return (await backend.request('pool/wake', params, signal)).woken;
      } finally {
        await backend.close(END_LIMIT_MS);
      }
    });
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

  /** Lets go of the backend: the session's own ends, unless it was started to stay and has a pool to look after. */
  async release(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.backend.close(END_LIMIT_MS);
  }

  async #during<Result>(activity: Activity, task: () => Promise<Result>): Promise<Result> {
    if (this.#activity !== undefined) throw new Error(`The pool is ${this.#activity} already.`);
    this.#activity = activity;
    this.#changed();
    try {
      return await task();
    } finally {
      this.#activity = undefined;
      this.#changed();
    }
  }

  #begin(snapshot: PoolSnapshot): void {
    if (this.#activity !== 'booting') return;
    this.#snapshot = snapshot;
    this.#changed();
  }

  #told(result: BootResult): BootResult {
    this.#snapshot = result.snapshot;
    return result;
  }

  async #start(target: PoolTarget): Promise<FoundBackend> {
    return this.#adopt({ backend: await this.options.start({ target, for: 'serve' }, this.#backendListeners()), target });
  }

  #adopt(running: FoundBackend): FoundBackend {
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
        const before = this.#snapshot;
        this.#snapshot = afterEvent(before, event);
        this.options.onEvent(event, before);
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
