import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { prove } from '../../src/backend/placement/exact/prove';
import { formulate } from '../../src/backend/placement/formulation';
import { compareLevels, measure, outByLevel } from '../../src/backend/placement/objective';
import type { Problem } from '../../src/backend/placement/problem';
import { solve, type Solved } from '../../src/backend/placement/solve';
import { situations } from './arbitrary';
import { everyPlacement } from './everyPlacement';
import { fewestLost } from './failures';
import { pool } from './pools';

const solver = highsSolver(await loadHighs());
const proven = (problem: Problem): Solved => prove(problem, solve(problem), solver, { nodes: 10_000, onProgress: () => undefined, shouldStop: () => false });

const lower = ({ goal }: Problem, { bytesMoved, loads, hostsUsed, moves }: Solved['measures']): number[] => [bytesMoved, ...(goal === 'balance' ? loads : [hostsUsed]), moves];

describe('what a plan says of failures', () => {
  it('is a bound that no placement beats, and the best of all where it says so, on this level and those below', () => {
    const settled = { survived: 0, proven: 0, all: 0 };
    fc.assert(
      fc.property(situations({ hosts: 3, vms: 5, survive: 2 }).filter(({ model }) => model.cluster.placement.survive > 0), ({ model, inventory, previous }) => {
        const { problem } = formulate(model, inventory, previous);
        const { measures, bounds, shortfall, shortfallBound } = proven(problem);
        let [least, bestBelow] = [Infinity, undefined as number[] | undefined];
        everyPlacement(problem, (solution) => {
          if (compareLevels(outByLevel(problem, solution), measures.out) !== 0) return;
          const lost = fewestLost(problem, solution, least);
          if (lost > least) return;
          const below = lower(problem, measure(problem, solution));
          if (lost < least || bestBelow === undefined || compareLevels(below, bestBelow) < 0) bestBelow = below;
          least = lost;
        });
        expect(shortfallBound).toBeLessThanOrEqual(least);
        expect(shortfall).toBeGreaterThanOrEqual(least);
        settled.all++;
        if (shortfall !== shortfallBound || compareLevels(measures.out, bounds.out) !== 0) return;
        settled.survived++;
        expect(compareLevels(lower(problem, bounds), bestBelow ?? [])).toBeLessThanOrEqual(0);
        if (compareLevels(lower(problem, measures), lower(problem, bounds)) !== 0) return;
        settled.proven++;
        expect(lower(problem, measures)).toEqual(bestBelow);
      }),
      { numRuns: 150, seed: 21 },
    );
    expect(settled.survived).toBeGreaterThanOrEqual(0.9 * settled.all);
    expect(settled.proven).toBeGreaterThanOrEqual(0.9 * settled.all);
  });

  it('counts a VM once, on the one host it is on: two hosts’ losses are two VMs', () => {
    const model = pool({ survive: 1, hosts: ['n1', 'n2', 'n3'].map((name) => ({ name, memory: 34 })), vms: [30, 10, 10, 10, 10].map((memory, index) => ({ name: `v${index}`, memory })) });
    const { problem } = formulate(model, { hosts: {}, disks: {}, running: {} }, { assignments: {}, disks: {} });
    const { shortfall, shortfallBound } = proven(problem);
    let least = Infinity;
    everyPlacement(problem, (solution) => {
      if (solution.vmHost.every((host) => host >= 0)) least = Math.min(least, fewestLost(problem, solution, least));
    });
    expect({ shortfall, shortfallBound }).toEqual({ shortfall: least, shortfallBound: least });
  });
});
