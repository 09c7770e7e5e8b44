import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consolidate } from '../../src/backend/placement/consolidate';
import { placingOrder, seededNumbers, unitsOf } from '../../src/backend/placement/order';
import { Packing } from '../../src/backend/placement/packing';
import type { Problem } from '../../src/backend/placement/problem';
import { anneal, type Landscape } from '../../src/backend/placement/search/anneal';
import { emptyBySearch } from '../../src/backend/placement/search/emptying';
import { placeGreedily } from '../../src/backend/placement/greedy';
import { problemOf } from '../../bench/placement/vectorPacking/instance';

describe('annealing', () => {
  it('climbs out of a valley and keeps the lowest point it met', () => {
    const heights = [5, 3, 4, 6, 2, 0, 3];
    const walk = new Line(heights, 1);
    expect(anneal(walk, { steps: 5000, warmth: 3, random: seededNumbers(1) })).toBe(3);
    expect(walk.kept).toBe(5);
  });

  it('says that it found nothing better, and keeps nothing, at the lowest point', () => {
    const walk = new Line([5, 3, 0, 6], 2);
    expect(anneal(walk, { steps: 500, warmth: 3, random: seededNumbers(1) })).toBe(0);
    expect(walk.kept).toBe(2);
  });

  it('counts no change that was refused in the end', () => {
    const walk = new Line([5, 3, 0, 6], 0, (place) => place !== 2);
    expect(anneal(walk, { steps: 500, warmth: 3, random: seededNumbers(1) })).toBe(2);
    expect(walk.kept).toBe(1);
  });

  it('ends as soon as there is nothing left to do', () => {
    const walk = new Line([5, 3, 0, 6], 0);
    walk.doneAt = 1;
    anneal(walk, { steps: 500, warmth: 3, random: seededNumbers(1) });
    expect(walk.place).toBe(1);
  });
});

describe('emptying a host by search', () => {
  // 6; 5 + 4; 5 on three hosts: nothing fits anywhere else, yet two hosts hold 6 + 4 and 5 + 5.
  const crowded = () => problemOf({ bin: [10], items: [[6], [5], [5], [4]] }, 3);

  it('finds the exchange without which no VM can leave', () => {
    const packing = placedAt(crowded(), [0, 1, 2, 1]);
    expect(emptyBySearch(packing, { host: 2, steps: 2000, random: seededNumbers(1) })).toBe(true);
    expect(packing.hostVms[2]).toEqual([]);
    expect([...packing.vmHost].every((host) => host >= 0)).toBe(true);
  });

  it('leaves everything as it was when it can\'t be done', () => {
    const packing = placedAt(problemOf({ bin: [10], items: [[6], [6], [6]] }, 3), [0, 1, 2]);
    expect(emptyBySearch(packing, { host: 2, steps: 2000, random: seededNumbers(1) })).toBe(false);
    expect([...packing.vmHost]).toEqual([0, 1, 2]);
  });

  it('moves no VM that must stay, and leaves out what was left out', () => {
    const problem: Problem = { ...crowded(), vmFixedHost: Int32Array.of(-1, 1, -1, -1) };
    const packing = placedAt(problem, [0, 1, 2, -1]);
    expect(emptyBySearch(packing, { host: 2, steps: 2000, random: seededNumbers(1) })).toBe(true);
    expect([...packing.vmHost]).toEqual([0, 1, 1, -1]);
  });

  it('keeps every VM within capacity and placed, in any problem', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 60 })), { minLength: 2, maxLength: 30 }), (items) => {
        const problem = problemOf({ bin: [100, 100], items }, items.length);
        const packing = new Packing(problem);
        const order = placingOrder(problem);
        const units = unitsOf(problem, order);
        placeGreedily(packing, order, units, 'tight');
        const before = packing.hostVms.filter((vms) => vms.length > 0).length;
        consolidate(packing, { order, units, allows: () => true, steps: 500 });
        expect([...packing.vmHost].every((host) => host >= 0)).toBe(true);
        expect(packing.hostVms.filter((vms) => vms.length > 0).length).toBeLessThanOrEqual(before);
        for (let host = 0; host < problem.hostCount; host++) {
          for (const row of [0, 1]) expect((packing.hostVms[host] ?? []).reduce((sum, vm) => sum + items[vm]![row]!, 0)).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

function placedAt(problem: Problem, hosts: readonly number[]): Packing {
  const packing = new Packing(problem);
  hosts.forEach((host, vm) => {
    if (host >= 0 && !packing.isFixed(vm)) expect(packing.tryAdd(vm, host)).toBe(true);
  });
  return packing;
}

/** A walk along a line of heights, one place at a time. */
class Line implements Landscape {
  kept: number;
  doneAt = NaN;
  private next = 0;

  constructor(
    private readonly heights: readonly number[],
    public place: number,
    private readonly allows: (place: number) => boolean = () => true,
  ) {
    this.kept = place;
  }

  get isDone(): boolean {
    return this.place === this.doneAt;
  }

  propose(random: (below: number) => number): number | undefined {
    this.next = this.place + (random(2) === 0 ? 1 : -1);
    const height = this.heights[this.next];
    return height === undefined ? undefined : height - this.heights[this.place]!;
  }

  commit(): boolean {
    if (!this.allows(this.next)) return false;
    this.place = this.next;
    return true;
  }

  keep(): void {
    this.kept = this.place;
  }
}
