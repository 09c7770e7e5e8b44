import { describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../src/protocol';
import { bootProgress, bootSummary, shortTally } from '../../src/views/poolWords';
import { afterEvent } from '../../src/views/snapshot';
import { AT, hostStatus, snapshot, vmStatus } from './pool';

const NOTHING_YET = snapshot('booting', [hostStatus('node1', 'off', 0), hostStatus('node2', 'off', 0)], [vmStatus('a', 'waiting'), vmStatus('b', 'waiting')]);
const WAITS = snapshot('booting', [hostStatus('node1', 'waking', 0, { waits: 'waits to be switched on: 1 at a time, every 3 s' }), hostStatus('node2', 'waking', 1)], [vmStatus('a', 'waiting'), vmStatus('b', 'waiting')]);
const HALF = snapshot('booting', [hostStatus('node1', 'ready', 100), hostStatus('node2', 'root', 60)], [vmStatus('a', 'running'), vmStatus('b', 'waiting')]);
const VMS_LEFT = snapshot('booting', [hostStatus('node1', 'ready', 100), hostStatus('node2', 'ready', 100)], [vmStatus('a', 'running'), vmStatus('b', 'preparing')]);
const UP = snapshot('up', [hostStatus('node1', 'ready', 100), hostStatus('node2', 'ready', 100)], [vmStatus('a', 'running'), vmStatus('b', 'running')]);
const PARTLY = snapshot(
  'partly',
  [hostStatus('node1', 'ready', 100), hostStatus('node2', 'failed', 5, { cause: 'it never asked for an address' })],
  [vmStatus('a', 'running'), vmStatus('b', 'unplaced', { reason: 'its disk lies on node2' })],
);

describe('progress of a boot', () => {
  it.each<[string, PoolSnapshot, number, string]>([
    ['begins at nothing', NOTHING_YET, 0, '0 of 2 hosts ready, 0 of 2 VMs running; node1 is off'],
    ['names the host that is furthest behind', HALF, 68, '1 of 2 hosts ready, 1 of 2 VMs running; node2 loads its root image'],
    ['names a VM when all hosts are ready', VMS_LEFT, 85, '2 hosts ready, 1 of 2 VMs running; b is preparing'],
    ['says what a host waits for', WAITS, 0, '0 of 2 hosts ready, 0 of 2 VMs running; node1 waits to be switched on: 1 at a time, every 3 s'],
    ['ends at a hundred', UP, 100, '2 hosts ready, 2 VMs running'],
    ['does not wait for what has failed', PARTLY, 100, '1 of 2 hosts ready, 1 of 2 VMs running'],
    ['is through with a pool of nothing', snapshot('up', [], []), 100, '0 hosts ready, 0 VMs running'],
  ])('%s', (_, state, percent, sentence) => {
    expect(bootProgress(state)).toEqual({ percent, sentence });
  });
});

describe('the last words of a boot', () => {
  it('are counts when all went well', () => {
    expect(bootSummary(UP)).toBe('attic is up: 2 hosts ready, 2 VMs running.');
  });

  it('name the first thing that went wrong and count the others', () => {
    expect(bootSummary(PARTLY)).toBe('attic is partly up: 1 of 2 hosts ready, 1 of 2 VMs running. node2: it never asked for an address (and 1 more)');
  });
});

describe('a snapshot', () => {
  it('takes in each host and VM as it changes, and leaves the others', () => {
    const ready = afterEvent(HALF, { event: 'host', at: AT, host: hostStatus('node2', 'ready', 100) });
    const done = afterEvent(ready, { event: 'vm', at: AT, vm: vmStatus('b', 'running') });
    expect(done && shortTally(done)).toBe('2/2 hosts · 2/2 VMs');
    expect(HALF.hosts[1]?.state).toBe('root');
  });

  it('is begun by a whole one, and is unmoved by what it does not hold', () => {
    expect(afterEvent(undefined, { event: 'vm', at: AT, vm: vmStatus('b', 'running') })).toBeUndefined();
    expect(afterEvent(undefined, { event: 'pool', at: AT, snapshot: UP })).toBe(UP);
    expect(afterEvent(UP, { event: 'log', at: AT, level: 'info', sentence: 'hello' })).toBe(UP);
  });

  it('makes room for a VM it did not know', () => {
    const more = afterEvent(UP, { event: 'vm', at: AT, vm: vmStatus('c', 'waiting') });
    expect(more?.vms.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });
});
