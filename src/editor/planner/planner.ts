/** Plans in a thread of its own, so that whoever asks can go on with other work. */

import { Worker } from 'node:worker_threads';
import type { PlanJson } from '../../protocol';
import type { PlanInput, PlanReply, PlanRequest } from './messages';

export class Planner {
  #thread: Thread | undefined;
  #closed = false;

  /** `script` is the bundle of `thread.ts`; the thread starts with the first plan, and anew after it has failed. */
  constructor(private readonly script: string) {}

  /** The plan from the placement that is written down, nothing else being known of the hosts. Rejects when the planner has failed or was disposed of. */
  plan(input: PlanInput): Promise<PlanJson> {
    if (this.#closed) return Promise.reject(new Error(CLOSED));
    if (this.#thread?.hasEnded !== false) this.#thread = new Thread(this.script);
    return this.#thread.plan(input);
  }

  /** Ends the thread; what is still waited for is rejected, and so is what is asked for from then on. */
  dispose(): void {
    this.#closed = true;
    this.#thread?.end(new Error(CLOSED));
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

  constructor(script: string) {
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

  plan(input: PlanInput): Promise<PlanJson> {
    const request: PlanRequest = { id: (this.#last += 1), input };
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
    if ('plan' in reply) waiting?.resolve(reply.plan);
    else waiting?.reject(new Error(reply.fault));
  }
}
