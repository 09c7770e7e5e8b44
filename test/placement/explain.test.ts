import { describe, expect, it } from 'vitest';
import type { Inventory, MovePolicy, PreviousPlacement } from '../../src/backend/placement/inputs';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { pool, type PoolSketch } from './pools';

interface Case extends PoolSketch {
  readonly inventory?: Partial<Inventory>;
  readonly previous?: Partial<PreviousPlacement>;
  readonly moves?: MovePolicy;
}

const down = (host: string, cause: string): Partial<Inventory> => ({ hosts: { [host]: { available: false, cause, arrays: {} } } });
const twoHosts = [{ name: 'n1', cpus: 4, memory: 8 }, { name: 'n2', cpus: 4, memory: 8 }];
const r0 = { name: 'r0', capacity: 100, bandwidth: 200, iops: 1000 };

/** Hand-made conflicts: what the administrator reads for each. */
const CASES: Record<string, Case> = {
  'more memory than any host has': { hosts: twoHosts, vms: [{ name: 'big', memory: 16 }] },
  'more memory than is left beside dearer VMs': { hosts: twoHosts, vms: [{ name: 'a', memory: 6, priority: 10 }, { name: 'b', memory: 6, priority: 10 }, { name: 'late', memory: 4 }] },
  'more vCPUs than the overcommit allows': { hosts: [{ name: 'n1', cpus: 2 }], cpuOvercommit: 2, vms: [{ name: 'busy', vcpus: 5 }] },
  'only hosts it may not run on have room': { hosts: twoHosts, vms: [{ name: 'a', memory: 6, priority: 10, on: ['n1'] }, { name: 'late', memory: 4, on: ['n1'] }] },
  'labels that no host has': { hosts: twoHosts, vms: [{ name: 'lost', on: [] }] },
  'more VMs apart than hosts': { hosts: twoHosts, vms: [{ name: 'a', apart: ['b', 'c'], priority: 10 }, { name: 'b', apart: ['c'], priority: 10 }, { name: 'c' }] },
  'together with a VM whose host is full': {
    hosts: twoHosts,
    vms: [{ name: 'db', memory: 6, priority: 10, on: ['n1'] }, { name: 'cache', memory: 4, together: ['db'] }],
  },
  'together and apart through a third': { hosts: twoHosts, vms: [{ name: 'a', priority: 10, together: ['b'] }, { name: 'b', priority: 10 }, { name: 'c', together: ['b'], apart: ['a'] }] },
  'a disk larger than every array': { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'archive', disks: [{ name: 'data', size: 200 }] }] },
  'a disk on a host without arrays': { hosts: [{ name: 'n1' }], vms: [{ name: 'a', disks: [{ name: 'root' }] }] },
  'bandwidth taken by a dearer VM': { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'a', priority: 10, disks: [{ name: 'd', bandwidth: 150 }] }, { name: 'b', disks: [{ name: 'd', bandwidth: 80 }] }] },
  'IOPS halved while the array is degraded': {
    hosts: [{ name: 'n1', arrays: [r0] }],
    vms: [{ name: 'db', disks: [{ name: 'd', iops: 800 }] }],
    inventory: { hosts: { n1: { available: true, arrays: { r0: { usable: true, degraded: true } } } } },
  },
  'two disks that fit alone but not both': { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'a', disks: [{ name: 'd0', size: 60 }, { name: 'd1', size: 60 }] }] },
  'a disk on a host that did not come up': {
    hosts: [{ name: 'n1', arrays: [r0] }, { name: 'n2', arrays: [r0] }],
    vms: [{ name: 'db', disks: [{ name: 'root' }] }],
    inventory: down('n2', "it didn't answer three magic packets"),
    previous: { disks: { 'db/root': { host: 'n2', array: 'r0' } } },
  },
  'a disk on an array the drive has forgotten': { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'db', disks: [{ name: 'root' }] }], previous: { disks: { 'db/root': { host: 'n9', array: 'r0' } } } },
  'disks scattered over two hosts': {
    hosts: [{ name: 'n1', arrays: [r0] }, { name: 'n2', arrays: [r0] }],
    vms: [{ name: 'db', disks: [{ name: 'log' }, { name: 'root' }] }],
    previous: { disks: { 'db/root': { host: 'n1', array: 'r0' }, 'db/log': { host: 'n2', array: 'r0' } } },
  },
  'an array too degraded for its spec': {
    hosts: [{ name: 'n1', arrays: [{ ...r0, degraded: 'never' }] }],
    vms: [{ name: 'a', disks: [{ name: 'root' }] }],
    inventory: { hosts: { n1: { available: true, arrays: { r0: { usable: true, degraded: true } } } } },
  },
  'a VM that may still run where nobody can look': { hosts: twoHosts, vms: [{ name: 'a' }], inventory: { ...down('n2', 'its ssh connection was lost'), running: { a: 'n2' } } },
  'room taken by what runs': { hosts: [{ name: 'n1', memory: 8 }], vms: [{ name: 'old', memory: 6 }, { name: 'new', memory: 4, priority: 10 }], inventory: { running: { old: 'n1' } } },
  'no space on the disk it already has a disk on': {
    hosts: [{ name: 'n1', arrays: [r0] }, { name: 'n2', arrays: [r0] }],
    vms: [{ name: 'a', priority: 10, disks: [{ name: 'd', size: 90 }], on: ['n1'] }, { name: 'b', disks: [{ name: 'old', size: 5 }, { name: 'new', size: 20 }] }],
    previous: { disks: { 'b/old': { host: 'n1', array: 'r0' } } },
  },
  'more devices than the pool has': { hosts: [{ name: 'n1', devices: { gpu: 1 } }, { name: 'n2' }], vms: [{ name: 'train', priority: 10, devices: { gpu: 1 } }, { name: 'render', devices: { gpu: 1 } }] },
  'another architecture': { hosts: [{ name: 'n1' }, { name: 'n2', architecture: 'aarch64', memory: 2 }], vms: [{ name: 'arm', architecture: 'aarch64', memory: 4 }] },
  'a CPU feature that no host lists': { hosts: [{ name: 'n1', cpuFeatures: ['aes'] }, { name: 'n2' }], vms: [{ name: 'crunch', cpuFeatures: ['aes', 'avx2'] }] },
  'no room though disks may move': {
    hosts: [{ name: 'n1', arrays: [r0] }, { name: 'n2', arrays: [r0] }],
    vms: [{ name: 'a', priority: 10, disks: [{ name: 'd', size: 70 }] }, { name: 'b', priority: 10, disks: [{ name: 'd', size: 60 }] }, { name: 'c', disks: [{ name: 'd', size: 50 }] }],
    previous: { disks: { 'a/d': { host: 'n1', array: 'r0' }, 'b/d': { host: 'n2', array: 'r0' } } },
    moves: { maxMoves: Infinity, stops: 'never' },
  },
  'more moves needed than allowed': {
    hosts: ['n1', 'n2', 'n3'].map((name) => ({ name, arrays: [r0] })),
    vms: [{ name: 'a', priority: 10, disks: [{ name: 'd', size: 45 }] }, { name: 'b', priority: 10, disks: [{ name: 'd', size: 45 }] }, { name: 'c', disks: [{ name: 'd', size: 90 }], on: ['n1'] }],
    previous: { disks: { 'a/d': { host: 'n1', array: 'r0' }, 'b/d': { host: 'n1', array: 'r0' } } },
    moves: { maxMoves: 1, stops: 'never' },
  },
  'no host at all': { hosts: [], vms: [{ name: 'a' }] },
  'storage that is full': { hosts: [{ name: 'n1' }], storage: [{ name: 'nas', capacity: 100, bandwidth: 100 }], vms: [{ name: 'a', priority: 10, disks: [{ name: 'd', size: 80, storage: 'nas' }] }, { name: 'b', disks: [{ name: 'd', size: 30, storage: 'nas' }] }] },
};

describe('a VM left out is told why', () => {
  it.each(Object.entries(CASES))('%s', async (name, { inventory, previous, moves, ...sketch }) => {
    const plan = planPlacement(pool(sketch), { ...EMPTY_INVENTORY, ...inventory }, { ...NO_PREVIOUS_PLACEMENT, ...previous }, moves);
    const told = plan.unplaced.map(({ vm, reasons, conflict }) => [`${vm}:`, ...reasons.map((reason) => `  ${reason}`), "These can't hold together:", ...conflict.map((requirement) => `  - ${requirement}`)].join('\n'));
    await expect(`${told.join('\n')}\n`).toMatchFileSnapshot(`explanations/${name.replaceAll(' ', '-')}.txt`);
  });
});
