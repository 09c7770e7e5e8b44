import { expect, it } from 'vitest';
import { steadyClock } from '../../src/backend/system';

it('a clock that is set back goes on from where it was', () => {
  let wall = 1_000_000;
  const clock = steadyClock({ now: () => wall, after: () => () => undefined });
  expect(clock.now()).toBe(1_000_000);
  wall += 2_000;
  expect(clock.now()).toBe(1_002_000);
  wall -= 7_200_000;
  expect(clock.now()).toBe(1_002_000);
  wall += 5_000;
  expect(clock.now()).toBe(1_007_000);
  wall += 3_600_000;
  expect(clock.now()).toBe(4_607_000);
});
