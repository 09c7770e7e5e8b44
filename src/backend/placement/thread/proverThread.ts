/** Owns the thread behind a Prover: starts it at the first question, asks one thing at a time, ends it on close. */

import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Prover } from '../prover';
import type { Solved } from '../solve';
import type { ProverData, ProveReply, ProveRequest } from './messages';

export interface ProverThread extends Prover {
  close(): Promise<void>;
}

/** `folder` holds placement-worker.js and highs.wasm, as the build leaves them in dist/. `nodes` is the budget of each level. */
export function openProver(folder: string, nodes = 2000): ProverThread {
  let worker: Worker | undefined;
  let questions = 0;
  let last: Promise<unknown> = Promise.resolve();

  const running = (): Worker => {
    if (worker !== undefined) return worker;
    const data: ProverData = { wasmFile: path.join(folder, 'highs.wasm') };
    const started = new Worker(path.join(folder, 'placement-worker.js'), { workerData: data });
    const forget = () => {
      if (worker === started) worker = undefined;
    };
    started.once('exit', forget).once('error', forget);
    worker = started;
    return started;
  };

  const ask: Prover['prove'] = async (problem, start, { onProgress, signal }) => {
    if (signal.aborted) return { solved: start, stopped: true };
    const id = ++questions;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const thread = running();
    let best = start;
    const solved = await new Promise<{ solved: Solved; stopped: boolean }>((resolve, reject) => {
      const settle = (finish: () => void) => {
        thread.off('message', hear).off('error', fail).off('exit', end);
        signal.removeEventListener('abort', abort);
        finish();
      };
      const hear = (reply: ProveReply) => {
        if (reply.id !== id) return;
        if (reply.kind === 'failed') settle(() => reject(new Error(`The solver failed: ${reply.message}`)));
        else if (reply.kind === 'done') settle(() => resolve({ solved: reply.solved, stopped: false }));
        else onProgress((best = reply.solved));
      };
      const fail = (error: Error) => settle(() => reject(new Error(`The solver's thread failed: ${error.message}`)));
      const end = () => settle(() => reject(new Error("The solver's thread ended before its answer")));
      // The thread stops at its next look at the flag; nobody waits for that.
      const abort = () => {
        Atomics.store(stop, 0, 1);
        settle(() => resolve({ solved: best, stopped: true }));
      };
      thread.on('message', hear).on('error', fail).on('exit', end);
      signal.addEventListener('abort', abort, { once: true });
      const request: ProveRequest = { id, problem, start, nodes, stop };
      thread.postMessage(request);
    });
    return solved;
  };

  return {
    prove: (problem, start, options) => {
      const answer = last.then(() => ask(problem, start, options));
      last = answer.catch(() => undefined);
      return answer;
    },
    close: async () => {
      await worker?.terminate();
      worker = undefined;
    },
  };
}
