import { expect, test } from 'vitest';
import { Wakefulness } from '../../src/backend/netboot/tftp/wakefulness';

/** An event loop whose turns are made by hand. */
function eventLoop() {
  let due: (() => void)[] = [];
  const wakefulness = new Wakefulness((callback) => due.push(callback));
  /** Whether anything keeps the loop from falling asleep. */
  const turn = () => {
    const now = due;
    due = [];
    for (const callback of now) callback();
    return now.length > 0;
  };
  const turnsUntilAsleep = () => {
    let turns = 0;
    while (turn()) turns += 1;
    return turns;
  };
  return { wakefulness, turn, turnsUntilAsleep, isAwake: () => due.length > 0 };
}

test('the thread stays awake for a moment after what is answered at once, and not for ever', () => {
  const { wakefulness, turnsUntilAsleep, isAwake } = eventLoop();
  wakefulness.expect();
  expect(isAwake()).toBe(true);
  const turns = turnsUntilAsleep();
  expect(turns).toBeGreaterThan(10);
  expect(turns).toBeLessThan(100);
});

test('while answers come in time it stays awake, with one callback a turn however much is sent', () => {
  let callbacks = 0;
  let due: (() => void)[] = [];
  const wakefulness = new Wakefulness((callback) => due.push(callback));
  for (let block = 0; block < 1000; block += 1) {
    wakefulness.expect();
    wakefulness.expect();
    const now = due;
    due = [];
    callbacks += now.length;
    for (const callback of now) callback();
    wakefulness.heard();
  }
  expect(callbacks).toBe(1000);
});

test('where answers take longer than it stays awake, it sleeps, and tries again only now and then', () => {
  const { wakefulness, turnsUntilAsleep } = eventLoop();
  let awakeFor = 0;
  for (let block = 0; block < 650; block += 1) {
    wakefulness.expect();
    if (turnsUntilAsleep() > 0) awakeFor += 1;
    wakefulness.heard();
  }
  expect(awakeFor).toBe(10);
});

test('the end of a transfer, after which nothing is expected, is no wait in vain', () => {
  const { wakefulness, turnsUntilAsleep, isAwake } = eventLoop();
  wakefulness.expect();
  wakefulness.heard();
  turnsUntilAsleep();
  wakefulness.expect();
  expect(isAwake()).toBe(true);
});
