import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../../src/protocol';
import { logLine } from '../../src/views/logLine';
import { AT, hostStatus, snapshot, vmStatus } from './pool';

const BEFORE = snapshot('booting', [hostStatus('node1', 'kernel', 40)], [vmStatus('db1', 'waiting')]);

describe('the log', () => {
  it.each<[string, PoolEvent, string | undefined]>([
    ['tells when a host goes on', { event: 'host', at: AT, host: hostStatus('node1', 'root', 60) }, 'info node1 loads its root image.'],
    ['is silent while only its percentage moves', { event: 'host', at: AT, host: hostStatus('node1', 'kernel', 45) }, undefined],
    ['tells when it is tried again', { event: 'host', at: AT, host: hostStatus('node1', 'kernel', 0, { attempt: 2 }) }, 'info node1 loads Xen and the kernel (attempt 2).'],
    ['tells that a host waits for its wave', { event: 'host', at: AT, host: hostStatus('node1', 'waking', 5, { waits: 'waits to be switched on: 4 at a time, every 3 s' }) }, 'info node1 waits to be switched on: 4 at a time, every 3 s.'],
    [
      'tells why a host failed and what to do',
      { event: 'host', at: AT, host: hostStatus('node1', 'failed', 40, { cause: 'it never asked for its address', remedy: 'Look at its cable.' }) },
      'error node1 failed: it never asked for its address. Look at its cable.',
    ],
    ['tells where a VM starts', { event: 'vm', at: AT, vm: vmStatus('db1', 'starting', { host: 'node1' }) }, 'info db1 is starting on node1.'],
    ['keeps what a VM waits for to those who ask for details', { event: 'vm', at: AT, vm: vmStatus('db1', 'waiting', { reason: 'waits out its start delay' }) }, 'debug db1 waits: waits out its start delay.'],
    ['is silent when a VM still waits', { event: 'vm', at: AT, vm: vmStatus('db1', 'waiting') }, undefined],
    ['warns of a VM without a host', { event: 'vm', at: AT, vm: vmStatus('db1', 'unplaced', { reason: 'no room' }) }, 'warn db1 has no host: no room.'],
    ['names the host of an exchange', { event: 'netboot', at: AT, host: 'node1', sentence: 'asked for its address' }, 'info node1: asked for its address'],
    ['passes on what has no host', { event: 'netboot', at: AT, sentence: 'a stranger asked' }, 'info a stranger asked'],
    ["passes on the backend's own words", { event: 'log', at: AT, level: 'debug', sentence: 'hello' }, 'debug hello'],
    ['says where the boot server listens', { event: 'serving', at: AT, addresses: { http: '127.0.0.1:8080' } }, 'info Serving http at 127.0.0.1:8080.'],
    ['leaves it to the command to tell loudly that the pool is up', { event: 'pool', at: AT, snapshot: snapshot('up', [], []) }, 'debug attic is up.'],
    ['is silent when the whole pool is told again', { event: 'pool', at: AT, snapshot: snapshot('booting', [], []) }, undefined],
  ])('%s', (_, event, expected) => {
    const line = logLine(event, BEFORE);
    expect(line && `${line.level} ${line.sentence}`).toBe(expected);
  });
});
