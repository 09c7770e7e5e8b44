/** Plans in threads of their own, so that whoever asks can go on with other work, and no quick plan waits for a proof. */

import { Worker } from 'node:worker_threads';
import type { PlanJson } from '../../protocol';
import type { PlanInput, PlanReply, PlanRequest } from './messages';

/** How long the solver is kept warm for the next proof; then its memory is given back. */
const PROVER_STAYS_MS = 60_000;

export class Planner {
  #thread: Thread | undefined;
  #prover: Thread | undefined;
  #proving: Promise<unknown> = Promise.resolve();
  #proverEnds: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * `script` is the bundle of `thread.ts`; a thread starts with the first question to it, and anew after it has failed. `warn` is told what a plan
   * lacks.
   */
  constructor(
    private readonly script: string,
    private readonly warn: (message: string) => void,
  ) {}

  /** The plan from the placement that is written down, nothing else being known of the hosts. Rejects when the planner has failed or was disposed of. */
  plan(input: PlanInput): Promise<PlanJson> {
    if (this.#closed) return Promise.reject(new Error(CLOSED));
    this.#thread = this.#running(this.#thread);
    return this.#thread.plan(input, 'quick');
  }

  /**
   * The same, searched on until it is proven best or the solver's budget is spent. One proof at a time: others wait their turn. Rejects when the
   * solver has failed, when the planner was disposed of, and when the signal aborts; the thread then ends at once, whatever the solver is at.
   */
  prove(input: PlanInput, signal: AbortSignal): Promise<PlanJson> {
    const proven = this.#proving.then(() => this.#proveNext(input, signal));
    this.#proving = proven.catch(() => undefined);
    return proven;
  }

  async #proveNext(input: PlanInput, signal: AbortSignal): Promise<PlanJson> {
    signal.throwIfAborted();
    if (this.#closed) throw new Error(CLOSED);
    clearTimeout(this.#proverEnds);
    const prover = this.#running(this.#prover);
    this.#prover = prover;
    const abort = () => prover.end(new Error('Nobody waits for the proof any more.'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await prover.plan(input, 'proven');
    } finally {
      signal.removeEventListener('abort', abort);
      this.#proverEnds = setTimeout(() => prover.end(new Error(CLOSED)), PROVER_STAYS_MS).unref();
    }
  }

  #running(thread: Thread | undefined): Thread {
    return thread?.hasEnded === false ? thread : new Thread(this.script, this.warn);
  }

  /** Ends the threads; what is still waited for is rejected, and so is what is asked for from then on. */
  dispose(): void {
    this.#closed = true;
    for (const thread of [this.#thread, this.#prover]) thread?.end(new Error(CLOSED));
  }
}

const CLOSED = 'The planner was closed before its answer.';

interface Waiting {
  readonly resolve: (plan: PlanJson) => void;
  readonly reject: (error: Error) => void;
}

/** One thread with those that wait for it alone: the end of one is nothing to its successor. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended = false;

  constructor(
    script: string,
    private readonly warn: (message: string) => void,
  ) {
    this.#worker = new Worker(script);
    // A process with nothing else to do needn't stay for a thread that waits.
    this.#worker.unref();
    this.#worker.on('message', (reply: PlanReply) => this.#settle(reply));
    this.#worker.once('error', (error) => this.end(new Error(`The planner's thread failed: ${error instanceof Error ? error.message : String(error)}`)));
    this.#worker.once('exit', () => this.end(new Error("The planner's thread ended before its answer.")));
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  plan(input: PlanInput, wanted: PlanRequest['wanted']): Promise<PlanJson> {
    const request: PlanRequest = { id: (this.#last += 1), input, wanted };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  end(reason: Error): void {
    this.#ended = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(reason);
    void this.#worker.terminate();
  }

  #settle(reply: PlanReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('plan' in reply) {
      if (waiting && reply.lacking !== undefined) this.warn(reply.lacking);
      waiting?.resolve(reply.plan);
    } else waiting?.reject(new Error(reply.fault));
  }
}
