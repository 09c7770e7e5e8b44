import { describe, expect, it } from 'vitest';
import { Turns, type TurnAnswer } from '../../src/backend/netboot/http/turns';
import { LossyLink } from './lossyLink';

/** Two at once, in virtual time; `asked` collects who was answered how, in order. */
function setUp() {
  const time = new LossyLink({ lost: 0, doubled: 0, late: 0 }, 1);
  const loads: { running: number; waiting: number }[] = [];
  const turns = new Turns({ clock: time, concurrency: 2, onLoad: (load) => loads.push(load) });
  const answers: string[] = [];
  const ask = async (machine: string, { patienceMs = 60_000, signal = new AbortController().signal } = {}): Promise<TurnAnswer> => {
    const answer = await turns.ask({ machine, patienceMs, signal });
    answers.push('turn' in answer ? machine : `${machine}: ${answer.busy}`);
    return answer;
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const turnOf = (answer: TurnAnswer) => {
    if (!('turn' in answer)) throw new Error(`no turn: ${answer.busy}`);
    return answer.turn;
  };
  return { time, turns, ask, answers, settle, turnOf, loads };
}

describe('turns at large files', () => {
  it('are given at once while there are some, then to who asked first', async () => {
    const { ask, answers, settle, turnOf, loads } = setUp();
    const [a, b] = [turnOf(await ask('a')), turnOf(await ask('b'))];
    void ask('c');
    void ask('d');
    await settle();
    expect(answers).toEqual(['a', 'b']);
    expect(loads.at(-1)).toEqual({ running: 2, waiting: 2 });
    b.end();
    a.end();
    a.end();
    await settle();
    expect(answers).toEqual(['a', 'b', 'c', 'd']);
    expect(loads.at(-1)).toEqual({ running: 2, waiting: 0 });
  });

  it('that don’t come in time are refused, and who comes back is as far ahead as before', async () => {
    const { time, ask, answers, settle, turnOf } = setUp();
    const [first, second] = [turnOf(await ask('a')), turnOf(await ask('b'))];
    const move = () => {
      first.moved();
      second.moved();
    };
    for (const at of [10_000, 20_000]) time.after(at, move);
    void ask('early', { patienceMs: 15_000 });
    time.after(16_000, () => void ask('late'));
    time.after(20_000, () => void ask('early'));
    time.after(21_000, () => first.end());
    time.after(22_000, () => second.end());
    // What is answered in virtual time is heard of after the real event loop's turn: the order says enough.
    time.run();
    await settle();
    expect(answers).toEqual(['a', 'b', 'early: too-long', 'early', 'late']);
  });

  it('are taken from who does not use them, without ending its download', async () => {
    const { time, ask, answers, settle } = setUp();
    const stalled = [await ask('slow 1'), await ask('slow 2')];
    void ask('quick');
    time.run();
    await settle();
    expect(answers).toEqual(['slow 1', 'slow 2', 'quick']);
    // Its late end gives no second place.
    for (const answer of stalled) if ('turn' in answer) answer.turn.end();
  });

  it('are not given to a client that has gone', async () => {
    const { ask, answers, settle, turnOf } = setUp();
    const [first] = [turnOf(await ask('a')), await ask('b')];
    const gone = new AbortController();
    void ask('c', { signal: gone.signal });
    void ask('d');
    gone.abort();
    await settle();
    first.end();
    await settle();
    expect(answers).toEqual(['a', 'b', 'c: gone', 'd']);
  });

  it('however many ask, only so many wait', async () => {
    const { ask, answers, settle } = setUp();
    for (let machine = 0; machine < 2_100; machine += 1) void ask(String(machine));
    await settle();
    expect(answers.filter((answer) => answer.endsWith('too-many'))).toHaveLength(2_100 - 2 - 2_048);
  });
});
