import { describe, expect, it } from 'vitest';
import type { HostModel, PoolModel } from '../../src/backend/drive/model';
import { parseFaults } from '../../src/lab/simulated/faults';
import { FIRMWARES, rackOf } from '../../src/lab/simulated/hardware';
import { ARRAY, HOST } from '../hosts/dom0';

const host = (name: string): HostModel => ({ ...HOST, name });
const model: PoolModel = {
  cluster: {
    name: 'lab',
    network: { subnet: '10.77.0.0/24', server: '10.77.0.1', nameservers: [], domain: 'lab.internal', dhcp: 'authoritative' },
    boot: { image: 'dom0-1', timeoutMs: 600_000, attempts: 3, wakeAtOnce: 4, wakePauseMs: 3_000 },
    placement: { cpuOvercommit: 4, survive: 0, goal: 'balance' },
    storage: [],
  },
  hosts: ['node1', 'node2', 'node3', 'node4', 'node5', 'node6'].map(host),
  vms: [],
};

describe('faults asked for on the command line', () => {
  it.each([
    ['never-wakes', { kind: 'never-wakes' }],
    ['packet-loss:20%', { kind: 'packet-loss', share: 0.2 }],
    ['dies-at:root', { kind: 'dies-at', state: 'root', times: 'always' }],
    ['dies-once-at:ssh', { kind: 'dies-at', state: 'ssh', times: 'once' }],
    ['degraded:r0', { kind: 'degraded', array: 'r0' }],
    ['missing-array:r0', { kind: 'missing-array', array: 'r0' }],
    ['foreign-array:r0', { kind: 'foreign-array', array: 'r0' }],
    ['damaged-download', { kind: 'damaged-download' }],
    ['slow:2.5', { kind: 'slow', factor: 2.5 }],
  ])('understands %s', (form, fault) => {
    expect(parseFaults([`node2=${form}`], model)).toEqual({ faults: { node2: [fault] }, problems: [] });
  });

  it.each(['', 'sleeps', 'packet-loss', 'packet-loss:120%', 'packet-loss:20', 'dies-at:home', 'slow:0.5', 'slow:x', 'never-wakes:1', 'degraded:'])('lists what there is instead of "%s"', (form) => {
    const { problems } = parseFaults([`node1=${form}`], model);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^--fault node1=.* is no fault\. There are:\n {2}never-wakes +stays off\n {2}packet-loss:PERCENT%/);
  });

  it('names the hosts, or the arrays, when it is given one that is not there', () => {
    expect(parseFaults(['node9=never-wakes', 'node1=degraded:r7'], model).problems).toEqual([
      '--fault node9=never-wakes: there is no host "node9". The drive has node1, node2, node3, node4, node5, node6.',
      '--fault node1=degraded:r7: node1 has no array "r7". It has r0.',
    ]);
  });
});

describe('the rack', () => {
  it('gives the hosts each kind of firmware in turn', () => {
    expect(rackOf(model, {}).machines.map(({ firmware }) => firmware)).toEqual([...FIRMWARES, FIRMWARES[0]]);
  });

  it('takes disks out of machines as the faults say', () => {
    const { faults } = parseFaults(['node1=degraded:r0', 'node2=missing-array:r0', 'node3=foreign-array:r0'], model);
    const arrays = rackOf(model, faults).machines.map(({ arrays: [array] }) => array!);
    expect(arrays.slice(0, 4).map(({ present }) => present)).toEqual([['SN-A'], [], ARRAY.members, ARRAY.members]);
    expect(arrays.map(({ foreignOwner }) => foreignOwner !== undefined)).toEqual([false, false, true, false, false, false]);
  });
});
