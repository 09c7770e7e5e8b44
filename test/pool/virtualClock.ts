/** A clock that moves only when everything else has come to rest: a boot of ten minutes takes milliseconds, always the same. */

import type { Clock } from '../../src/backend/system';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  private time = Date.UTC(2026, 0, 1);
  private count = 0;
  private readonly timers = new Set<Timer>();

  now(): number {
    return this.time;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.time + Math.max(0, delayMs), order: this.count++, callback };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Lets everything run until `done` resolves; fails when nothing is left that could bring it about, or after `limitMs`. */
  async runUntil<Result>(done: Promise<Result>, limitMs = 24 * 3_600_000): Promise<Result> {
    const end = this.time + limitMs;
    const outcome: { value?: { readonly result: Result } | { readonly error: unknown } } = {};
    done.then(
      (result) => (outcome.value = { result }),
      (error: unknown) => (outcome.value = { error }),
    );
    for (;;) {
      await quiet();
      if (outcome.value !== undefined) {
        if ('error' in outcome.value) throw outcome.value.error;
        return outcome.value.result;
      }
      const next = [...this.timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) throw new Error('nothing is left that could bring about what is waited for');
      if (next.at > end) throw new Error(`not come about within ${limitMs} ms`);
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
  }
}

/** Every promise that can settle has settled: nothing here waits for anything but this clock. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
