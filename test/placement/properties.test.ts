import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPlan } from '../../src/backend/placement/check';
import { planPlacement } from '../../src/backend/placement/plan';
import { situations } from './arbitrary';
import { bestPlacedByPriority } from './bruteForce';

describe('a plan', () => {
  it('is accepted by the checker, action by action, in every situation', () => {
    fc.assert(
      fc.property(situations({ hosts: 5, vms: 12, survive: 2 }), ({ model, inventory, previous }) => {
        const plan = planPlacement(model, inventory, previous);
        expect(checkPlan(model, inventory, previous, plan)).toEqual([]);
      }),
      { numRuns: 600, seed: 1 },
    );
  });

  it('places the same VMs as trying every placement would, priority by priority', () => {
    fc.assert(
      fc.property(situations({ hosts: 3, vms: 6 }), ({ model, inventory, previous }) => {
        const plan = planPlacement(model, inventory, previous);
        const placed = new Map<number, number>();
        for (const vm of model.vms) if (plan.assignments[vm.name] !== undefined) placed.set(vm.priority, (placed.get(vm.priority) ?? 0) + 1);
        const best = bestPlacedByPriority(model, inventory, previous);
        expect([50, 10, 0].map((priority) => placed.get(priority) ?? 0)).toEqual([50, 10, 0].map((priority) => best.get(priority) ?? 0));
      }),
      { numRuns: 400, seed: 2 },
    );
  });

  it('is the same whatever the order of hosts, VMs, arrays and disks', () => {
    fc.assert(
      fc.property(situations({ hosts: 5, vms: 12, survive: 1 }), fc.infiniteStream(fc.nat()), ({ model, inventory, previous }, stream) => {
        const draw = (): number => Number(stream.next().value);
        const shuffled = {
          ...model,
          hosts: shuffle(model.hosts, draw).map((host) => ({ ...host, arrays: shuffle(host.arrays, draw) })),
          vms: shuffle(model.vms, draw).map((vm) => ({ ...vm, disks: shuffle(vm.disks, draw) })),
        };
        const { actions, ...plan } = planPlacement(model, inventory, previous);
        const { actions: shuffledActions, ...shuffledPlan } = planPlacement(shuffled, inventory, previous);
        expect(shuffledPlan).toEqual(plan);
        expect(starts(shuffledActions)).toEqual(starts(actions));
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('claims to be optimal only with every number at its bound, and never beats a bound', () => {
    fc.assert(
      fc.property(situations({ hosts: 4, vms: 10, survive: 1 }), ({ model, inventory, previous }) => {
        const { status, gap, objective, bound } = planPlacement(model, inventory, previous);
        if (status === 'optimal') expect(objective).toEqual(bound);
        expect(gap > 0).toBe(status === 'feasible');
        for (const key of Object.keys(objective) as (keyof typeof objective)[]) expect(objective[key], key).toBeGreaterThanOrEqual(bound[key]);
      }),
      { numRuns: 400, seed: 4 },
    );
  });
});

const starts = (actions: readonly { kind: string; vm: string }[]) => actions.filter((action) => action.kind === 'start').map((action) => action.vm);

function shuffle<T>(items: readonly T[], draw: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = draw() % (i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
