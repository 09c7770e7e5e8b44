/** Owns the thread behind a Prover: starts it at the first question, asks one thing at a time, ends it on close. */

import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Prover } from '../prover';
import type { ProverData, ProverReply, ProverRequest, StopFlag } from './messages';

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

  /** Sends the request and hears its replies until one settles it, the thread ends, or the signal aborts. */
  const ask = <Answer>(request: ProverRequest, signal: AbortSignal, hear: (reply: ProverReply) => { readonly answer: Answer } | undefined, aborted: () => Answer) => {
    const thread = running();
    return new Promise<Answer>((resolve, reject) => {
      const settle = (finish: () => void) => {
        thread.off('message', listen).off('error', fail).off('exit', end);
        signal.removeEventListener('abort', abort);
        finish();
      };
      const listen = (reply: ProverReply) => {
        if (reply.id !== request.id) return;
        if (reply.kind === 'failed') {
          settle(() => reject(new Error(`The solver failed: ${reply.message}`)));
          return;
        }
        const heard = hear(reply);
        if (heard !== undefined) settle(() => resolve(heard.answer));
      };
      const fail = (error: Error) => settle(() => reject(new Error(`The solver's thread failed: ${error.message}`)));
      const end = () => settle(() => reject(new Error("The solver's thread ended before its answer")));
      const abort = () => settle(() => resolve(aborted()));
      thread.on('message', listen).on('error', fail).on('exit', end);
      signal.addEventListener('abort', abort, { once: true });
      thread.postMessage(request);
    });
  };

  const prove: Prover['prove'] = async (problem, start, { onProgress, signal }) => {
    if (signal.aborted) return { solved: start, stopped: true };
    const stop = stopFlag();
    let best = start;
    const hear = (reply: ProverReply) => {
      if (reply.kind === 'done') return { answer: { solved: reply.solved, stopped: false } };
      if (reply.kind === 'progress') onProgress((best = reply.solved));
      return undefined;
    };
    return ask({ kind: 'prove', id: ++questions, problem, start, nodes, stop }, signal, hear, () => {
      raise(stop);
      return { solved: best, stopped: true };
    });
  };

  const contradiction: Prover['contradiction'] = async (program, wanted, signal) => {
    if (signal.aborted) return undefined;
    const hear = (reply: ProverReply) => (reply.kind === 'contradiction' ? { answer: reply.multipliers } : undefined);
    const stop = stopFlag();
    return ask({ kind: 'contradiction', id: ++questions, program, wanted, stop }, signal, hear, () => raise(stop));
  };

  /** One thing at a time. */
  const inTurn = <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    const answer = last.then(question);
    last = answer.catch(() => undefined);
    return answer;
  };

  return {
    prove: (problem, start, options) => inTurn(() => prove(problem, start, options)),
    contradiction: (program, wanted, signal) => inTurn(() => contradiction(program, wanted, signal)),
    close: async () => {
      await worker?.terminate();
      worker = undefined;
    },
  };
}

function stopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The thread stops at its next look at the flag; nobody waits for that. */
function raise(stop: StopFlag): undefined {
  Atomics.store(stop, 0, 1);
}
