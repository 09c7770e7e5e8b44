import { describe, expect, it } from 'vitest';
import type { DnsOutcome } from '../../src/backend/netboot/dns/server';
import { createDnsTeller } from '../../src/backend/netboot/dns/teller';
import type { NetbootEvent } from '../../src/backend/netboot/server';
import { pool } from './clients';

function world() {
  let now = 0;
  const events: NetbootEvent[] = [];
  const logs: string[] = [];
  const tell = createDnsTeller({
    onEvent: (event) => void events.push(event),
    log: (level, sentence) => void logs.push(`${level}: ${sentence}`),
    model: () => pool(),
    clock: { now: () => now, after: () => () => undefined },
  });
  return {
    events,
    logs,
    pass: (ms: number) => void (now += ms),
    ask: (outcome: DnsOutcome, { asker = '10.77.0.11', name = 'node2.test.internal', type = 'A' } = {}) => tell({ asker, question: { name, type }, outcome }),
  };
}

const FOUND: DnsOutcome = { code: 'NOERROR', answers: [{ name: 'node2.test.internal', type: 'A', data: '10.77.0.12' }] };
const NOT_LOCAL: DnsOutcome = { code: 'REFUSED', because: 'not-local' };

describe('a sentence says who asked for what, and what came of it', () => {
  it.each<[DnsOutcome, string]>([
    [FOUND, 'got 10.77.0.12'],
    [{ code: 'NOERROR', answers: [] }, 'was told that there is none'],
    [{ code: 'NXDOMAIN', answers: [] }, 'was told that there is no such name'],
    [{ code: 'FORWARDED' }, "got a forwarder's answer"],
    [{ code: 'TRUNCATED', because: 'too-long' }, 'was told to ask over TCP: the answer is too long for UDP'],
    [{ code: 'REFUSED', because: 'not-ours' }, 'was refused: the pool has no such name, and pxen.yaml names no forwarders'],
    [{ code: 'REFUSED', because: 'not-forwarded' }, "was refused: the pool has no such name, and a question like that isn't forwarded"],
    [{ code: 'SERVFAIL', because: 'silent' }, 'got no answer: no forwarder answered'],
  ])('%j is for who looks closely', (outcome, words) => {
    const { ask, events, logs } = world();
    ask(outcome);
    expect([logs, events]).toEqual([[`debug: node1 (52:54:00:aa:00:01) asked by DNS for A of node2.test.internal and ${words}`], []]);
  });

  it.each<[DnsOutcome, string]>([
    [NOT_LOCAL, "was refused: it is on no network of the pool's or of this machine's"],
    [{ code: 'SERVFAIL', because: 'busy' }, 'got no answer: too many questions wait for the forwarders'],
    [{ code: 'TRUNCATED', because: 'too-often' }, 'was told to ask over TCP, or nothing: more than 100 questions a second come from there'],
    [{ code: 'DROPPED', because: 'too-often' }, 'was told to ask over TCP, or nothing: more than 100 questions a second come from there'],
  ])('%j is an event', (outcome, words) => {
    const { ask, events, logs } = world();
    ask(outcome);
    ask(outcome, { asker: '192.0.2.7' });
    const sentence = `asked by DNS for A of node2.test.internal and ${words}`;
    expect([logs, events]).toEqual([[], [{ kind: 'refused', mac: '52:54:00:aa:00:01', host: 'node1', sentence: `node1 (52:54:00:aa:00:01) ${sentence}` }, { kind: 'refused', sentence: `192.0.2.7 ${sentence}` }]]);
  });

  it('and holds nothing that means something to a terminal, however long the name', () => {
    const { ask, logs } = world();
    ask({ code: 'NXDOMAIN', answers: [] }, { name: `a\u001b[31m\r\n\u009b\u{1f600}${'x'.repeat(200)}` });
    ask({ code: 'NXDOMAIN', answers: [] }, { name: '' });
    expect(logs).toEqual([expect.stringMatching(/asked by DNS for A of a\?\[31m\?{5}x{89} and was told/), expect.stringContaining('asked by DNS for A of . and was told')]);
  });
});

describe('what is told is little', () => {
  it('the same question with the same answer once a minute', () => {
    const { ask, logs, pass } = world();
    ask(FOUND);
    pass(59_000);
    ask(FOUND);
    expect(logs).toHaveLength(1);
    ask(FOUND, { asker: '10.77.0.12' });
    ask(FOUND, { type: 'AAAA' });
    ask({ code: 'NXDOMAIN', answers: [] });
    expect(logs).toHaveLength(4);
    pass(1_000);
    ask(FOUND);
    expect(logs).toHaveLength(5);
  });

  it('who is refused once a minute, whatever it asks for', () => {
    const { ask, events, pass } = world();
    for (let number = 0; number < 1_000; number += 1) ask(NOT_LOCAL, { asker: '192.0.2.7', name: `${number}.example` });
    ask({ code: 'DROPPED', because: 'too-often' }, { asker: '192.0.2.7' });
    ask({ code: 'TRUNCATED', because: 'too-often' }, { asker: '192.0.2.7', type: 'ANY' });
    expect(events).toHaveLength(2);
    pass(60_000);
    ask(NOT_LOCAL, { asker: '192.0.2.7' });
    expect(events).toHaveLength(3);
  });

  it('of a flood a burst, then one a second and that there are many; what is refused is told all the same', () => {
    const { ask, events, logs, pass } = world();
    const flood = () => {
      for (let number = 0; number < 10_000; number += 1) ask({ code: 'NXDOMAIN', answers: [] }, { name: `${number}.test.internal` });
    };
    flood();
    expect(logs).toHaveLength(65);
    expect(logs[64]).toBe('debug: Very many questions are asked by DNS: not each of them is told of');
    ask(NOT_LOCAL, { asker: '192.0.2.7' });
    flood();
    ask(NOT_LOCAL, { asker: '192.0.2.7' });
    expect(events).toHaveLength(1);
    pass(10_000);
    flood();
    expect(logs).toHaveLength(75);
  });

  it('of a flood of made up senders as well', () => {
    const { ask, events, logs } = world();
    for (let number = 0; number < 10_000; number += 1) ask(NOT_LOCAL, { asker: `192.0.${number >> 8}.${number & 255}` });
    expect(events).toHaveLength(64);
    expect(logs).toEqual(['warn: Very many machines are refused by DNS: not each of them is told of']);
    ask(FOUND);
    expect(logs).toHaveLength(2);
  });
});
