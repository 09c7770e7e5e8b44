/** No wait without an end. */

import type { Clock } from '../system';
import { inWords } from './machine/steps';

export class LimitError extends Error {
  override readonly name = 'LimitError';
}

/**
 * Runs `task` with a signal that aborts when `signal` does or after `limitMs`. Rejects with a `LimitError` at the limit even if
 * the task pays no heed to its signal.
 */
export async function withLimit<Result>(clock: Clock, limitMs: number, signal: AbortSignal, what: string, task: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(both.reason instanceof Error ? both.reason : new Error('aborted'));
    both.addEventListener('abort', onAbort, { once: true });
  });
  const cancel = clock.after(limitMs, () => limit.abort(new LimitError(`${what} took longer than ${inWords(limitMs)}`)));
  const work = task(both);
  // It may still fail after the limit has been told.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    cancel();
    both.removeEventListener('abort', onAbort);
  }
}
