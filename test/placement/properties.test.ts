import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanJson } from '../../src/protocol';
import type { PoolModel } from '../../src/backend/drive/model';
import { checkPlan } from '../../src/backend/placement/check';
import { compareLevels } from '../../src/backend/placement/objective';
import { planPlacement, solvePlacement } from '../../src/backend/placement/plan';
import { situations } from './arbitrary';
import { bestByBruteForce } from './bruteForce';
import { inProcessProver } from './inProcessProver';

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
        const best = bestByBruteForce({ model, inventory, previous });
        expect(placedByPriority(model, plan)).toEqual(best.placed);
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
        for (const key of Object.keys(objective) as (keyof typeof objective)[]) expect(compareLevels([objective[key]].flat(), [bound[key]].flat()), key).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 400, seed: 4 },
    );
  });
});

describe('a proven plan', () => {
  it('is the best of all placements, level by level', async () => {
    const prover = await inProcessProver(10_000);
    await fc.assert(
      fc.asyncProperty(situations({ hosts: 3, vms: 6 }), async ({ model, inventory, previous }) => {
        const plan = await solvePlacement(model, inventory, previous, { prover });
        const best = bestByBruteForce({ model, inventory, previous });
        expect(plan.status).not.toBe('feasible');
        expect(placedByPriority(model, plan)).toEqual(best.placed);
        if (model.cluster.placement.goal === 'balance') expect(Math.round(plan.objective.maxLoad * 100)).toBe(best.maxLoad);
        else expect(plan.objective.hostsUsed).toBe(best.hostsUsed);
      }),
      { numRuns: 400, seed: 6 },
    );
  });

  it('only ever gets better on the way, and every plan on the way passes the checker', async () => {
    const prover = await inProcessProver(50);
    await fc.assert(
      fc.asyncProperty(situations({ hosts: 4, vms: 12, survive: 1 }), async ({ model, inventory, previous }) => {
        const plans: PlanJson[] = [];
        const last = await solvePlacement(model, inventory, previous, { prover, onIncumbent: (plan) => plans.push(plan) });
        expect(plans[0]).toEqual(planPlacement(model, inventory, previous));
        expect(plans.at(-1)).toEqual(last);
        for (const plan of plans) expect(checkPlan(model, inventory, previous, plan)).toEqual([]);
        for (let i = 1; i < plans.length; i++) expect(compareObjectives(plans[i]!, plans[i - 1]!, model)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it('is the same every time', async () => {
    const prover = await inProcessProver(200);
    await fc.assert(
      fc.asyncProperty(situations({ hosts: 4, vms: 10 }), async ({ model, inventory, previous }) => {
        const first = await solvePlacement(model, inventory, previous, { prover });
        expect(await solvePlacement(model, inventory, previous, { prover })).toEqual(first);
      }),
      { numRuns: 60, seed: 8 },
    );
  });
});

function placedByPriority(model: PoolModel, plan: PlanJson): Map<number, number> {
  const placed = new Map<number, number>();
  for (const vm of model.vms) placed.set(vm.priority, (placed.get(vm.priority) ?? 0) + (plan.assignments[vm.name] === undefined ? 0 : 1));
  return placed;
}

/** Negative when `a` is better at the first level that differs. */
function compareObjectives(a: PlanJson, b: PlanJson, model: PoolModel): number {
  const [placedA, placedB] = [placedByPriority(model, a), placedByPriority(model, b)];
  const levels = [...placedA.keys()].sort((x, y) => y - x).map((priority) => placedB.get(priority)! - placedA.get(priority)!);
  const goal = model.cluster.placement.goal === 'balance' ? ('maxLoad' as const) : ('hostsUsed' as const);
  const rest = (['surviveShortfall', 'bytesMoved', goal] as const).map((key) => a.objective[key] - b.objective[key]);
  return [...levels, ...rest].find((difference) => difference !== 0) ?? 0;
}

const starts = (actions: readonly { kind: string; vm: string }[]) => actions.filter((action) => action.kind === 'start').map((action) => action.vm);

function shuffle<T>(items: readonly T[], draw: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = draw() % (i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
