import { expect, it } from 'vitest';
import type { NetbootEvent } from '../../src/backend/netboot/server';
import { createRepeatFilter } from '../../src/backend/netboot/repeats';
import type { TftpOutcome } from '../../src/backend/netboot/tftp/sessions';
import { createTftpTeller } from '../../src/backend/netboot/tftp/teller';
import { MAC, pool } from './clients';

function teller() {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, after: () => () => undefined };
  const events: NetbootEvent[] = [];
  const logs: string[] = [];
  const tell = createTftpTeller({ model: () => pool(), clock, firstTime: createRepeatFilter(clock), onEvent: (event) => events.push(event), log: (level, sentence) => void logs.push(`${level}: ${sentence}`) });
  return { events, logs, pass: (ms: number) => (now += ms), tell: (address: string, file: string, outcome: TftpOutcome) => tell({ client: { address, port: 2070 }, file, outcome, resent: 0 }) };
}

it('a flood of refused requests, each for another name, is told of a little, and hosts’ downloads all the same', () => {
  const { events, logs, tell } = teller();
  for (let number = 0; number < 3000; number += 1) tell(`192.0.2.${number % 250}`, `file${number}`, { kind: 'refused', reason: 'this server is read only' });
  expect(events).toHaveLength(64);
  expect(events[0]).toEqual({ kind: 'refused', sentence: "192.0.2.0 didn't get file0 over TFTP: this server is read only" });
  expect(logs).toEqual(['warn: Very many TFTP requests come in: not each of them is told of']);
  for (let number = 0; number < 3000; number += 1) tell('10.77.0.11', `file${number}`, { kind: 'unknown-file' });
  expect(logs.filter((line) => line.startsWith('debug'))).toHaveLength(512);
  tell('10.77.0.11', 'snponly.efi', { kind: 'sent', bytes: 5 });
  expect(events.at(-1)).toEqual({ kind: 'bootloader', mac: MAC, host: 'node1', file: 'snponly.efi', sentence: `node1 (${MAC}) fetched snponly.efi over TFTP (5 bytes)` });
});

it('what is refused is told once a minute for each who asks, by the clock that may be set back', () => {
  const { events, tell, pass } = teller();
  const refuse = () => tell('192.0.2.1', 'x', { kind: 'refused', reason: 'no' });
  refuse();
  refuse();
  expect(events).toHaveLength(1);
  pass(60_000);
  refuse();
  expect(events).toHaveLength(2);
  pass(-3_600_000);
  refuse();
  expect(events).toHaveLength(3);
});
