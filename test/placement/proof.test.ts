import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { fewestByPatterns } from '../../src/backend/placement/exact/patterns';
import { prove } from '../../src/backend/placement/exact/prove';
import { formulate } from '../../src/backend/placement/formulation';
import { compareLevels, measure } from '../../src/backend/placement/objective';
import type { Problem, Solution } from '../../src/backend/placement/problem';
import { solve, type Solved } from '../../src/backend/placement/solve';
import { situations } from './arbitrary';
import { everyPlacement } from './everyPlacement';

const solver = highsSolver(await loadHighs());
const proven = (problem: Problem, nodes = 10_000): Solved => prove(problem, solve(problem), solver, { nodes, onProgress: () => undefined, shouldStop: () => false });

function levels({ goal }: Problem, { out, bytesMoved, loads, hostsUsed, moves }: Solved['measures']): number[] {
  return [...out, bytesMoved, ...(goal === 'balance' ? loads : [hostsUsed]), moves];
}

/** The best of all placements in the narrow problem, by trying every host and every volume. */
function bestOfAll(problem: Problem): number[] {
  let best: number[] | undefined;
  everyPlacement(problem, (solution) => {
    const reached = levels(problem, measure(problem, solution));
    if (best === undefined || compareLevels(reached, best) < 0) best = reached;
  });
  return best ?? [];
}

describe('what is proven', () => {
  it('is the best of all placements on every level: VMs out, bytes moved, each host’s load or the hosts in use, moves', () => {
    const settled = { proven: 0, all: 0 };
    fc.assert(
      fc.property(situations({ hosts: 3, vms: 5 }), fc.constantFrom('never' as const, 'allowed' as const), fc.constantFrom(0, 1, Infinity), ({ model, inventory, previous }, stops, maxMoves) => {
        const { problem } = formulate(model, inventory, previous, { maxMoves, stops });
        const { measures, bounds } = proven(problem);
        const best = bestOfAll(problem);
        expect(compareLevels(levels(problem, bounds), best)).toBeLessThanOrEqual(0);
        settled.all++;
        if (compareLevels(levels(problem, measures), levels(problem, bounds)) !== 0) return;
        settled.proven++;
        expect(levels(problem, measures)).toEqual(best);
      }),
      { numRuns: 150, seed: 12 },
    );
    // What is left open is rare.
    expect(settled.proven).toBeGreaterThanOrEqual(0.97 * settled.all);
  });

  it('is the same hash a hundred times over, whatever the pace of those who listen', () => {
    const model = fc.sample(situations({ hosts: 4, vms: 9, survive: 1 }), { numRuns: 1, seed: 3 })[0]!;
    const { problem } = formulate(model.model, model.inventory, model.previous);
    const plain = (solution: Solution) => JSON.stringify([Array.from(solution.vmHost), Array.from(solution.diskVolume)]);
    const first = plain(proven(problem, 100).solution);
    for (let run = 0; run < 100; run++) {
      const busy = () => {
        let spun = 0;
        for (let i = 0; i < run * 1000; i++) spun += i;
        expect(spun).toBeGreaterThanOrEqual(0);
      };
      expect(plain(prove(problem, solve(problem), solver, { nodes: 100, onProgress: busy, shouldStop: () => false }).solution)).toBe(first);
    }
  });

  it('never says more of patterns than all ways of packing show', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 }), fc.integer({ min: 9, max: 14 }), (loads, room) => {
        const fewest = fewestBins(loads, room);
        const bound = fewestByPatterns({ kinds: loads.map((load) => ({ load, count: 1 })), groups: [room], reach: [], hosts: loads.length, known: loads.map((_, vm) => loads.map((__, other) => Number(vm === other))), least: 0, reached: loads.length, shouldStop: () => false }, solver);
        expect(bound).toBeLessThanOrEqual(fewest);
        expect(bound).toBeGreaterThanOrEqual(Math.ceil(loads.reduce((sum, load) => sum + load, 0) / room));
      }),
      { numRuns: 100, seed: 13 },
    );
  });
});

function fewestBins(loads: readonly number[], room: number): number {
  const descend = (rest: readonly number[], bins: readonly number[]): number => {
    const [load, ...others] = rest;
    if (load === undefined) return bins.length;
    const joined = bins.map((bin, index) => (bin + load <= room ? descend(others, bins.map((other, i) => (i === index ? other + load : other))) : Infinity));
    return Math.min(descend(others, [...bins, load]), ...joined);
  };
  return descend(loads, []);
}
