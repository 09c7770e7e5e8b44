/** Clock, random and log are passed in, never imported: that is what makes tests and replays exact. */

import { randomBytes } from 'node:crypto';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function takes it back. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Fills a new buffer of `size` bytes; cryptographically strong in the product, seeded in tests. */
export type Random = (size: number) => Buffer;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type Log = (level: LogLevel, sentence: string) => void;

/** What is longer setTimeout takes for no delay at all; after 24 days whoever waits may look again. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = (size) => randomBytes(size);

/**
 * The same clock, but when it is set back, as a machine without a battery has it some seconds after its start, time goes on
 * from where it was: what was to be done in ten seconds isn't done in two hours.
 */
export function steadyClock(clock: Clock): Clock {
  let last = -Infinity;
  let setBackMs = 0;
  return {
    now: () => {
      const now = clock.now() + setBackMs;
      if (now < last) setBackMs += last - now;
      else last = now;
      return last;
    },
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
}

/** Resolves after `delayMs`, or rejects with the signal's reason when it aborts first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = () => {
      cancel();
      reject(abortReason(signal));
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error('aborted');
}
