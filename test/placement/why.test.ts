import { describe, expect, it } from 'vitest';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, type PlanInputs } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { whyHere } from '../../src/backend/placement/why';
import { pool, type PoolSketch } from './pools';

function why(sketch: PoolSketch, vm: string): string[] {
  const inputs: PlanInputs = { model: pool(sketch), inventory: EMPTY_INVENTORY, previous: NO_PREVIOUS_PLACEMENT };
  return whyHere(inputs, planPlacement(inputs.model, inputs.inventory, inputs.previous), vm);
}

describe('why a VM is where it is, in a pool that bears failures', () => {
  it('holds the VM to the other host only while no host fails', () => {
    const hosts = ['n1', 'n2', 'n3'].map((name) => ({ name, memory: 8 }));
    expect(why({ hosts, survive: 1, vms: [{ name: 'a', memory: 2 }] }, 'a')).toEqual(['n2: just as good; the fixed order decides', 'n3: just as good; the fixed order decides']);
  });

  it('names who would find no room after which failure', () => {
    const hosts = [{ name: 'n1', memory: 8 }, { name: 'n2', memory: 8 }, { name: 'n3', memory: 4 }];
    expect(why({ hosts, survive: 1, vms: [{ name: 'a', memory: 6 }, { name: 'b', memory: 3 }] }, 'b')).toEqual([
      'n1: after failures 1 VM would find no room instead of 0: a if n2 fails',
      'n2: after failures 1 VM would find no room instead of 0: a if n1 fails',
    ]);
  });

  it("keeps to the VM's own rules after a failure", () => {
    const hosts = ['n1', 'n2', 'n3'].map((name) => ({ name, memory: name === 'n3' ? 4 : 8 }));
    expect(why({ hosts, survive: 1, vms: [{ name: 'a', memory: 2, on: ['n1', 'n2'] }] }, 'a')).toEqual(['n2: just as good; the fixed order decides', 'n3: it may run on n1 or n2 only']);
  });
});

it('of the only host it says that there is no other', () => {
  expect(why({ hosts: [{ name: 'n1', memory: 8 }], vms: [{ name: 'a', memory: 2 }] }, 'a')).toEqual(['there is no other host']);
});
