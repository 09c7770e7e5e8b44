/** Plans in a thread of its own, so that whoever asks can go on with other work. */

import { Worker } from 'node:worker_threads';
import type { PoolModel } from '../../backend/drive/model';
import type { PreviousPlacement } from '../../backend/placement/inputs';
import type { PlanJson } from '../../protocol';
import type { PlanReply, PlanRequest } from './messages';

interface Waiting {
  readonly resolve: (plan: PlanJson) => void;
  readonly reject: (error: Error) => void;
}

export class Planner {
  #worker: Worker | undefined;
  #last = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** `script` is the bundle of `thread.ts`; the thread starts with the first plan. */
  constructor(private readonly script: string) {}

  /** The plan from the placement that is written down, nothing else being known of the hosts. Rejects when the planner has failed or was disposed of. */
  plan(model: PoolModel, previous: PreviousPlacement): Promise<PlanJson> {
    const request: PlanRequest = { id: (this.#last += 1), model, previous };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#running().postMessage(request);
    });
  }

  /** Ends the thread; what is still waited for is rejected. */
  dispose(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#fail(new Error('The planner was closed before its answer.'));
    void worker?.terminate();
  }

  #running(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.script);
    this.#worker = worker;
    // A process with nothing else to do needn't stay for a thread that waits.
    worker.unref();
    worker.on('message', (reply: PlanReply) => this.#settle(reply));
    const lost = (error: Error) => {
      // The next plan starts another.
      if (this.#worker === worker) this.#worker = undefined;
      this.#fail(error);
    };
    worker.once('error', (error) => lost(new Error(`The planner's thread failed: ${error instanceof Error ? error.message : String(error)}`)));
    worker.once('exit', () => lost(new Error("The planner's thread ended before its answer.")));
    return worker;
  }

  #settle(reply: PlanReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('plan' in reply) waiting?.resolve(reply.plan);
    else waiting?.reject(new Error(reply.fault));
  }

  #fail(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
