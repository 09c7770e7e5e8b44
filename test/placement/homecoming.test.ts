import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problemOf } from '../../bench/placement/vectorPacking/instance';
import { hopelessVms } from '../../src/backend/placement/bounds';
import { leastBytesMoved } from '../../src/backend/placement/bytesBound';
import { isPossible } from '../../src/backend/placement/exact/neighbourhoods';
import type { LinearSolver, MipSolver } from '../../src/backend/placement/exact/program';
import { prove } from '../../src/backend/placement/exact/prove';
import { formulate } from '../../src/backend/placement/formulation';
import { movedBytes, outByLevel } from '../../src/backend/placement/objective';
import { seededNumbers } from '../../src/backend/placement/order';
import { Packing } from '../../src/backend/placement/packing';
import type { Problem, Solution } from '../../src/backend/placement/problem';
import { bringHome } from '../../src/backend/placement/search/homecoming';
import { quickBudget, solve } from '../../src/backend/placement/solve';
import { situations } from './arbitrary';
import { everyPlacement } from './everyPlacement';

const ROOM = 100;
const NEW = -1;

/** One row, hosts of 100; VMs that run cost as many bytes as they take. */
function pool(hosts: number, vms: readonly (readonly [load: number, running: number])[]): Problem {
  return {
    ...problemOf({ bin: [ROOM], items: vms.map(([load]) => [load]) }, hosts),
    vmLevel: Int32Array.from(vms, ([, running]) => Number(running === NEW)),
    vmRunningHost: Int32Array.from(vms, ([, running]) => running),
    vmMoveBytes: Float64Array.from(vms, ([load, running]) => (running === NEW ? 0 : load)),
    goal: 'balance',
  };
}

function placedAt(problem: Problem, hosts: readonly number[]): Solution {
  const packing = new Packing(problem);
  hosts.forEach((host, vm) => {
    expect(packing.tryAdd(vm, host)).toBe(true);
  });
  return packing.solution();
}

const walk = (problem: Problem, start: Solution, options: Partial<Parameters<typeof bringHome>[2]> = {}) => bringHome(problem, start, { steps: 5000, random: seededNumbers(1), leastBytes: 0, shouldStop: () => false, ...options });
const outOf = ({ vmHost }: Solution) => [...vmHost].map((host) => host < 0);

describe('bringing home what has moved', () => {
  it('swaps a moved VM with a new one that stands in its place', () => {
    const problem = pool(2, [[40, 0], [60, 0], [40, 1], [60, NEW]]);
    const start = placedAt(problem, [0, 1, 1, 0]);
    expect(movedBytes(problem, start)).toBe(60);
    expect([...walk(problem, start).vmHost]).toEqual([0, 0, 1, 1]);
  });

  it('sends VMs on over full hosts until each is at home', () => {
    const problem = pool(3, [[50, 0], [55, 1], [60, 2], [40, 0], [45, 1], [40, 2]]);
    const start = placedAt(problem, [1, 2, 0, 0, 1, 2]);
    expect(movedBytes(problem, start)).toBe(165);
    expect([...walk(problem, start).vmHost]).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('ends at once when it is told to, or when no fewer bytes are possible', () => {
    const problem = pool(2, [[40, 0], [60, 0], [40, 1], [60, NEW]]);
    const start = placedAt(problem, [0, 1, 1, 0]);
    expect(walk(problem, start, { shouldStop: () => true })).toBe(start);
    expect(walk(problem, start, { leastBytes: 60 })).toBe(start);
  });

  it('keeps every VM placed that was, within capacity and the moves allowed, and never moves more bytes', () => {
    fc.assert(
      fc.property(situations({ hosts: 4, vms: 8 }), fc.constantFrom('never' as const, 'allowed' as const), fc.constantFrom(1, 2, Infinity), ({ model, inventory, previous }, stops, maxMoves) => {
        const { problem } = formulate(model, inventory, previous, { maxMoves, stops });
        const start = solve(problem, { ...quickBudget(problem), walkSteps: 0 }).solution;
        const found = walk(problem, start, { steps: 1000 });
        expect(isPossible(problem, found)).toBe(true);
        expect(outOf(found)).toEqual(outOf(start));
        expect(movedBytes(problem, found)).toBeLessThanOrEqual(movedBytes(problem, start));
      }),
      { numRuns: 200, seed: 21 },
    );
  });

  it('lets the quick plan of a full pool move fewer bytes with nobody left out', () => {
    let [without, withWalk] = [0, 0];
    for (let seed = 1; seed <= 20; seed++) {
      const problem = grown(12, seed);
      const before = solve(problem, { ...quickBudget(problem), walkSteps: 0 });
      const after = solve(problem);
      expect(after.measures.out).toEqual(before.measures.out);
      expect(after.measures.bytesMoved).toBeLessThanOrEqual(before.measures.bytesMoved);
      without += before.measures.bytesMoved;
      withWalk += after.measures.bytesMoved;
    }
    expect(withWalk).toBeLessThan(0.95 * without);
  });

  it('lowers the bytes of a proof, and tells how few there can be, whatever the solver finds', () => {
    const problem = grown(24, 2);
    const start = solve(problem, { ...quickBudget(problem), walkSteps: 0 });
    const helpless: MipSolver & LinearSolver = { minimise: () => ({ status: 'stopped', bound: -Infinity }), generate: () => undefined };
    const { measures, bounds } = prove(problem, start, helpless, { nodes: 1, onProgress: () => undefined, shouldStop: () => false });
    expect(measures.out).toEqual(start.measures.out);
    expect(measures.bytesMoved).toBeLessThan(start.measures.bytesMoved);
    expect(bounds.bytesMoved).toBeGreaterThan(0);
    expect(bounds.bytesMoved).toBeLessThanOrEqual(measures.bytesMoved);
  });
});

describe('the bytes that must move in any case', () => {
  it('are those of the cheapest VMs that make room for a new one', () => {
    // 70 needs 30 more than either host has: 30 of the first, rather than 35 of the second.
    expect(leastBytesMoved(pool(3, [[30, 0], [30, 0], [35, 1], [25, 1], [20, 2], [70, NEW]]), new Set())).toBe(0);
    expect(leastBytesMoved(pool(2, [[30, 0], [30, 0], [35, 1], [25, 1], [70, NEW]]), new Set())).toBe(30);
  });

  it('are never more than what some placement moves that leaves nobody out', () => {
    let positive = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 10, max: 70 }), fc.integer({ min: NEW, max: 2 })), { minLength: 3, maxLength: 7 }), (wanted) => {
        const used = [0, 0, 0];
        const vms = wanted.map(([load, host]) => {
          const fits = host !== NEW && used[host]! + load <= ROOM;
          if (fits) used[host]! += load;
          return [load, fits ? host : NEW] as const;
        });
        const problem = pool(3, vms);
        const bound = leastBytesMoved(problem, hopelessVms(problem));
        if (bound > 0) positive++;
        everyPlacement(problem, (solution) => {
          if (outByLevel(problem, solution).every((count) => count === 0)) expect(movedBytes(problem, solution)).toBeGreaterThanOrEqual(bound);
        });
      }),
      { numRuns: 300, seed: 22 },
    );
    expect(positive).toBeGreaterThan(10);
  });
});

/** Hosts that are filled to 88 %, and new VMs up to 95 % of them all: most fit nowhere unless somebody moves. */
function grown(hosts: number, seed: number): Problem {
  const random = seededNumbers(seed);
  const vms: [number, number][] = [];
  for (let host = 0; host < hosts; host++) {
    for (let room = 88; room > 0; ) {
      const load = Math.min(room, 5 + random(30));
      vms.push([load, host]);
      room -= load;
    }
  }
  for (let room = 7 * hosts; room >= 5; ) {
    const load = Math.min(room, 5 + random(30));
    vms.push([load, NEW]);
    room -= load;
  }
  return pool(hosts, vms);
}
