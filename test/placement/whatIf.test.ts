import { describe, expect, it } from 'vitest';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, type PlanInputs } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { poolLoads } from '../../src/backend/placement/loads';
import { planText } from '../../src/backend/placement/planText';
import { withRemedies } from '../../src/backend/placement/remedies';
import { howManyMore, withCopies, withHost, withoutHost } from '../../src/backend/placement/whatIf';
import { pool, type PoolSketch } from './pools';

const inputs = (sketch: PoolSketch): PlanInputs => ({ model: pool(sketch), inventory: EMPTY_INVENTORY, previous: NO_PREVIOUS_PLACEMENT });
const planOf = ({ model, inventory, previous }: PlanInputs) => planPlacement(model, inventory, previous);
const remedies = (sketch: PoolSketch) => {
  const asked = inputs(sketch);
  return withRemedies(asked, planOf(asked)).unplaced.map(({ remedies: found }) => found);
};
const r0 = { name: 'r0', capacity: 100, bandwidth: 200 };

describe('a pool that is not', () => {
  it('without a host: what ran there runs elsewhere, and its disks are made again', () => {
    const now: PlanInputs = {
      model: pool({ hosts: [{ name: 'n1', arrays: [r0] }, { name: 'n2', arrays: [r0] }], vms: [{ name: 'db', disks: [{ name: 'root' }] }] }),
      inventory: { hosts: {}, disks: { 'db/root': { host: 'n1', array: 'r0' } }, running: { db: 'n1' } },
      previous: NO_PREVIOUS_PLACEMENT,
    };
    expect(planOf(now).actions).toEqual([]);
    expect(planOf(withoutHost(now, 'n1')).actions.map(({ kind }) => kind)).toEqual(['create-disk', 'start']);
    expect(planOf(withoutHost(now, 'n1')).assignments).toEqual({ db: 'n2' });
  });

  it('with a host more: what was left out has room', () => {
    const now = inputs({ hosts: [{ name: 'n1', memory: 8 }], vms: [{ name: 'a', memory: 6 }, { name: 'b', memory: 6 }] });
    expect(planOf(now).unplaced).toHaveLength(1);
    expect(planOf(withHost(now, { ...now.model.hosts[0]!, name: 'n2' })).unplaced).toEqual([]);
  });

  it('with a VM more often: copies have names, disks, UUIDs and MACs of their own', () => {
    const now = inputs({ hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'web', disks: [{ name: 'root' }] }, { name: 'web-2' }] });
    const fixed = { ...now, model: { ...now.model, vms: now.model.vms.map((vm) => ({ ...vm, uuid: 'fixed', nics: [{ bridge: 'xenbr0', mac: '52:54:00:00:00:09' }] })) } };
    const copies = withCopies(fixed, 'web', 2).model.vms.slice(2);
    expect(copies.map(({ name }) => name)).toEqual(['web-3', 'web-4']);
    expect(copies.map(({ uuid, nics }) => ({ uuid, nics }))).toEqual([1, 2].map(() => ({ uuid: undefined, nics: [{ bridge: 'xenbr0' }] })));
  });

  it('tells how many more of a VM fit, without costing another VM its place', () => {
    // Each takes 2 GiB and Xen's 20 MiB: 3 to a host of 8 GiB.
    expect(howManyMore(inputs({ hosts: [{ name: 'n1', memory: 8 }, { name: 'n2', memory: 8 }], vms: [{ name: 'web', memory: 2 }] }), 'web')).toBe(5);
    expect(howManyMore(inputs({ hosts: [{ name: 'n1', memory: 8 }], vms: [{ name: 'db', memory: 7 }, { name: 'web', memory: 2, priority: 9, on: [] }] }), 'db')).toBe(0);
  });
});

describe('remedies of a VM left out', () => {
  it('name the smallest purchase for each host, hosts with the same need together', () => {
    expect(remedies({ hosts: [{ name: 'n1', memory: 8 }, { name: 'n2', memory: 8 }, { name: 'n3', memory: 4 }], vms: [{ name: 'big', memory: 10 }] })).toEqual([['3 GiB more memory on n1 or n2', '7 GiB more memory on n3']]);
    expect(remedies({ hosts: [{ name: 'n1', cpus: 2 }], cpuOvercommit: 2, vms: [{ name: 'busy', vcpus: 7 }] })).toEqual([['2 more CPUs on n1']]);
    expect(remedies({ hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'a', disks: [{ name: 'd', size: 120, bandwidth: 230 }] }] })).toEqual([['20 GiB more space and 30 MB/s more disk bandwidth on n1/r0']]);
  });

  it('name the rules whose end would let it in', () => {
    expect(remedies({ hosts: [{ name: 'n1' }, { name: 'n2' }], vms: [{ name: 'a', priority: 9, apart: ['b'] }, { name: 'b', priority: 9 }, { name: 'c', apart: ['a', 'b'] }] })).toEqual([['drop apart: c and a', 'drop apart: c and b']]);
    expect(remedies({ hosts: [{ name: 'n1', memory: 8 }, { name: 'n2', memory: 8 }], vms: [{ name: 'a', priority: 9, memory: 6, on: ['n1'] }, { name: 'b', memory: 4, on: ['n1'] }] })).toEqual([
      ['3 GiB more memory on n1', 'drop on: b may then run on any host'],
    ]);
    expect(remedies({ hosts: [{ name: 'n1', memory: 8 }, { name: 'n2', memory: 8 }], vms: [{ name: 'a', priority: 9, memory: 6, on: ['n1'] }, { name: 'b', memory: 4, together: ['a'] }] })).toEqual([
      ['3 GiB more memory on n1', 'drop together: b and a'],
    ]);
  });

  it('name nothing that would not help', () => {
    // Apart from a on n1, and n2 too small: neither alone is enough.
    expect(remedies({ hosts: [{ name: 'n1', memory: 8 }], vms: [{ name: 'a', memory: 6, priority: 9, apart: ['b'] }, { name: 'b', memory: 6 }] })).toEqual([[]]);
  });
});

describe('VMs left out that have the same to tell', () => {
  it('are told of once, with what would let one of them in', () => {
    const asked = withCopies(inputs({ hosts: [{ name: 'n1', memory: 8 }, { name: 'n2', memory: 8 }], vms: [{ name: 'web1', memory: 3 }] }), 'web1', 30);
    const plan = withRemedies(asked, planOf(asked));
    const text = planText(asked.model, plan, poolLoads(asked.model, asked.inventory, asked.previous, plan));
    expect(text.match(/too little/g)).toHaveLength(2);
    expect(text).toMatch(/^ {2}web1-\d+, web1-\d+, .* and \d+ more \(priority 0\)$/m);
    expect(text.match(/Any of these would let one of them in:/g)).toHaveLength(1);
  });
});
