import { describe, expect, it } from 'vitest';
import type { HostStatus, PoolEvent, PoolSnapshot } from '../../src/protocol';
import { snapshotText } from '../../src/backend/verbs/poolText';
import { openPoolView } from '../../src/backend/verbs/poolView';
import { renderTable } from '../../src/backend/verbs/table';
import type { VerbIo } from '../../src/backend/verbs/io';

const AT = '2026-01-01T12:00:00.000Z';

const node = (name: string, more: Partial<HostStatus>): HostStatus => ({ name, address: '10.77.0.11', state: 'ready', percent: 100, since: AT, attempt: 1, arrays: [{ name: 'r0', state: 'clean', mounted: true }], ...more });

const snapshot: PoolSnapshot = {
  cluster: 'homelab',
  phase: 'partly',
  at: AT,
  hosts: [
    node('node1', { arrays: [{ name: 'r0', state: 'degraded', mounted: true, detail: 'member S3Z8NB0L is missing' }] }),
    node('node2', { state: 'failed', percent: 0, attempt: 3, cause: "node2 didn't show itself within 5 min, after 30 magic packets", remedy: 'Check its power and network cable, that its firmware allows Wake-on-LAN and network boot, and that 52:54:00:aa:00:02 is the MAC address of the port it boots from; or press its power button.' }),
  ],
  vms: [
    { name: 'db1', state: 'running', host: 'node1', reason: 'started without dns1' },
    { name: 'dns1', state: 'unplaced', reason: "its disk root is on node2/r0, and node2 isn't up", remedy: 'Bring that host and array up and boot again.' },
  ],
};

function io(interactive: boolean): { readonly io: VerbIo; readonly out: string[]; readonly err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  return { out, err, io: { out: (text) => void out.push(text), err: (text) => void err.push(text), interactive, env: { COLUMNS: '60' }, signal: new AbortController().signal } };
}

const EVENTS: readonly PoolEvent[] = [
  { event: 'serving', at: AT, addresses: { http: '10.77.0.1:80' } },
  { event: 'host', at: AT, host: node('node1', { state: 'waking', percent: 5, waits: 'waits to be switched on: 4 at a time, every 3 s' }) },
  { event: 'host', at: AT, host: node('node1', { state: 'waking', percent: 5 }) },
  { event: 'host', at: AT, host: node('node1', { state: 'root', percent: 50 }) },
  { event: 'host', at: AT, host: node('node1', { state: 'root', percent: 60 }) },
  { event: 'vm', at: AT, vm: { name: 'db1', state: 'waiting', host: 'node1', reason: 'waits for node1' } },
  { event: 'vm', at: AT, vm: { name: 'db1', state: 'running', host: 'node1' } },
  { event: 'log', at: AT, level: 'warn', sentence: 'Another DHCP server answers on this network.' },
  { event: 'host', at: AT, host: node('node1', { state: 'failed', cause: 'node1 went away', remedy: 'Look at it.' }) },
];

describe('the final table', () => {
  it('shows hosts and VMs, what failed and what to try', () => {
    expect(snapshotText(snapshot)).toBe(`HOST   ADDRESS     STATE               ARRAYS       VMs
node1  10.77.0.11  ready               r0 degraded  db1
node2  10.77.0.11  failed (attempt 3)  r0

VM    STATE     HOST   NOTE
db1   running   node1  started without dns1
dns1  unplaced

What failed, and what to try:
  node2: node2 didn't show itself within 5 min, after 30 magic packets.
    → Check its power and network cable, that its firmware allows Wake-on-LAN and network boot, and
      that 52:54:00:aa:00:02 is the MAC address of the port it boots from; or press its power
      button.
  node1/r0: member S3Z8NB0L is missing.
  dns1: its disk root is on node2/r0, and node2 isn't up.
    → Bring that host and array up and boot again.

Pool homelab is only partly up: 1 of 2 hosts ready, 1 of 2 VMs running.
`);
  });

  it('counts characters, not bytes', () => {
    expect(renderTable({ columns: ['A', 'B'], rows: [['für', 'x'], ['🙂', 'y']] })).toBe('A    B\nfür  x\n🙂    y\n');
  });
});

describe('progress', () => {
  it('is one sentence a change where nothing can be redrawn', () => {
    const { io: verb, out, err } = io(false);
    const view = openPoolView({ json: false }, verb);
    for (const event of EVENTS) view.onEvent(event);
    expect(err.join('')).toBe(`12:00:00 Serving HTTP on 10.77.0.1:80.
12:00:00 node1 waits to be switched on: 4 at a time, every 3 s.
12:00:00 node1 is being woken.
12:00:00 node1 fetches its root image.
12:00:00 db1 runs on node1.
12:00:00 Another DHCP server answers on this network.
12:00:00 node1 is given up: node1 went away. Look at it.
`);
    expect(out).toEqual([]);
  });

  it('is one event a line for machines, on standard output alone', () => {
    const { io: verb, out, err } = io(true);
    const view = openPoolView({ json: true }, verb);
    for (const event of EVENTS) view.onEvent(event);
    expect(out.join('').trimEnd().split('\n').map((line) => JSON.parse(line) as PoolEvent)).toEqual(EVENTS);
    expect(err).toEqual([]);
  });

  it('redraws its lines in place on a terminal, none longer than it is wide', () => {
    const { io: verb, err } = io(true);
    const view = openPoolView({ json: false }, verb);
    for (const event of EVENTS) view.onEvent(event);
    const screen = err.join('');
    expect(screen).toContain('node1 [##########..........] fetches its root image.\n');
    const codes = new RegExp(`${String.fromCharCode(27)}\\[\\d+[AJ]`, 'g');
    for (const line of screen.split('\n')) expect(line.replace(codes, '').length).toBeLessThanOrEqual(60);
    view.close();
    expect(err.at(-1)).toBe('\u001b[2A\u001b[0J');
  });
});
