import { expect, test } from 'vitest';
import { Progress } from '../../src/backend/netboot/http/progress';
import { LossyLink } from './lossyLink';

/** When a stall was told of what moves at `moves` and is awaited until `awaitedUntil`, with a limit of 60 s. */
function stallOf(moves: readonly number[], { awaitedUntil = Infinity, endAt = Infinity } = {}): number[] {
  const time = new LossyLink({ lost: 0, doubled: 0, late: 0 }, 1);
  const stalls: number[] = [];
  const progress = new Progress({ clock: time, limitMs: 60_000, isAwaited: () => time.now() < awaitedUntil, onStall: () => stalls.push(time.now()) });
  for (const at of moves) time.after(at, () => progress.moved());
  time.after(Math.min(endAt, 1_000_000), () => progress.end());
  time.run();
  return stalls;
}

test('what has not moved for the limit is told of once, a quarter later at the most', () => {
  expect(stallOf([])).toEqual([75_000]);
  for (const last of [1, 14_999, 15_001, 29_999, 44_444, 59_999]) {
    const [stall = NaN, ...more] = stallOf([last]);
    expect(stall).toBeGreaterThanOrEqual(last + 60_000);
    expect(stall).toBeLessThanOrEqual(last + 75_000);
    expect(more).toEqual([]);
  }
});

test('what moves, or is not awaited, or has ended, has not stalled', () => {
  expect(stallOf(Array.from({ length: 20 }, (_, index) => index * 59_000))).toEqual([]);
  expect(stallOf([], { awaitedUntil: 70_000 })).toEqual([]);
  expect(stallOf([], { endAt: 74_999 })).toEqual([]);
});
