/** The readers of public instances and the challenge's objective, on instances small enough to work out by hand. */

import { describe, expect, it } from 'vitest';
import { seededNumbers } from '../../src/backend/placement/order';
import { anneal } from '../../src/backend/placement/search/anneal';
import { costOf, violationsOf } from '../../bench/placement/roadef/cost';
import { readInstance } from '../../bench/placement/roadef/instance';
import { Reassignment } from '../../bench/placement/roadef/reassignment';
import { enoughBins, problemOf, readVectorPacking } from '../../bench/placement/vectorPacking/instance';

// Two resources (the first transient), three machines, two services, three processes; in the order of the challenge's description.
const MODEL = `
2
1 100
0 10
3
0 0 30 400 16 80 0 1 4
0 1 10 240 8 160 1 0 3
1 2 20 100 12 80 4 3 0
2
2 0
1 1 0
3
0 12 10 1000
0 10 20 100
1 6 200 1
1
0 1 20
10
1 10 100
`;
const instance = readInstance(MODEL, '0 1 0');

describe('the reader of machine reassignment instances', () => {
  it('finds each number where the challenge puts it', () => {
    expect(instance).toMatchObject({ resourceCount: 2, machineCount: 3, serviceCount: 2, processCount: 3 });
    expect([...instance.transient]).toEqual([1, 0]);
    expect([...instance.loadWeight]).toEqual([100, 10]);
    expect([...instance.neighbourhood]).toEqual([0, 0, 1]);
    expect([...instance.location]).toEqual([0, 1, 2]);
    expect([...instance.capacity]).toEqual([30, 400, 10, 240, 20, 100]);
    expect([...instance.safetyCapacity]).toEqual([16, 80, 8, 160, 12, 80]);
    expect([...instance.machineMoveCost]).toEqual([0, 1, 4, 1, 0, 3, 4, 3, 0]);
    expect([...instance.spread]).toEqual([2, 1]);
    expect(instance.dependsOn.map((needed) => [...needed])).toEqual([[], [0]]);
    expect([...instance.service]).toEqual([0, 0, 1]);
    expect([...instance.requirement]).toEqual([12, 10, 10, 20, 6, 200]);
    expect([...instance.processMoveCost]).toEqual([1000, 100, 1]);
    expect(instance.balances).toEqual([{ first: 0, second: 1, target: 20, weight: 10 }]);
    expect(instance.weights).toEqual({ processMove: 1, serviceMove: 10, machineMove: 100 });
  });

  it('refuses texts that end too early, go on too long, or name a machine that is not there', () => {
    expect(() => readInstance(MODEL.slice(0, 40), '0 1 0')).toThrow('missing');
    expect(() => readInstance(`${MODEL} 7`, '0 1 0')).toThrow('should end');
    expect(() => readInstance(MODEL, '0 1')).toThrow('missing');
    expect(() => readInstance(MODEL, '0 3 0')).toThrow('a machine that the model doesn\'t have');
  });
});

describe("the challenge's objective", () => {
  it('counts load beyond safety capacities and imbalance where nothing has moved', () => {
    // Load: machine 0 has 18 − 16 = 2 and 210 − 80 = 130 too much, machine 1 has 10 − 8 = 2; balance: machine 0 has 20 × 12 − 190 = 50, machine 1 20 × 0 − 220 < 0,
    // machine 2 20 × 20 − 100 = 300.
    expect(costOf(instance, instance.initial)).toBe(2 * 100 + 130 * 10 + 2 * 100 + 10 * (50 + 300));
    expect(violationsOf(instance, instance.initial)).toEqual([]);
  });

  it('counts what moves by process, by the most moved service, and by the way', () => {
    // Process 1 goes to machine 2: no load cost there (10 ≤ 12, 20 ≤ 80); balance: machine 1 20 × 10 − 240 < 0, machine 2 20 × 10 − 80 = 120.
    expect(costOf(instance, Int32Array.of(0, 2, 0))).toBe(2 * 100 + 130 * 10 + 10 * (50 + 120) + 100 + 10 + 3 * 100);
  });

  it('names every rule that an assignment breaks', () => {
    expect(violationsOf(instance, Int32Array.of(1, 1, 2))).toEqual([
      'Machine 1 holds 22 of resource 0, more than its 10.',
      'Machine 2 holds 200 of resource 1, more than its 100.',
      'Two processes of service 0 on machine 1.',
      'Service 0 runs in 1 locations, not in 2.',
      'Service 1 runs in neighbourhood 1 without service 0.',
    ]);
  });

  it('counts a transient resource at both ends of a move', () => {
    // 12 + 10 + 6 fit machine 0, but with what process 1 leaves behind machine 1 is as full as before: nobody may enter.
    const broken = violationsOf(instance, Int32Array.of(0, 2, 1));
    expect(broken).toEqual(['Machine 1 holds 16 of resource 0, more than its 10.']);
  });
});

describe('the walk over assignments', () => {
  it('keeps every rule and knows the cost of each change, move, swap or chain', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const crowded = randomInstance(seed);
      const walk = new Reassignment(crowded);
      const random = seededNumbers(seed);
      let cost = costOf(crowded, crowded.initial);
      let changes = 0;
      for (let step = 0; step < 600; step++) {
        const change = walk.propose(random);
        if (change === undefined || !walk.commit()) continue;
        changes++;
        cost += change;
        walk.keep();
        expect(violationsOf(crowded, walk.best)).toEqual([]);
        expect(costOf(crowded, walk.best)).toBe(cost);
      }
      expect(changes).toBeGreaterThan(0);
    }
  });

  it('ends at the best of all assignments of a small instance', () => {
    let best = Infinity;
    for (let code = 0; code < 27; code++) {
      const machineOf = Int32Array.of(code % 3, Math.floor(code / 3) % 3, Math.floor(code / 9));
      if (violationsOf(instance, machineOf).length === 0) best = Math.min(best, costOf(instance, machineOf));
    }
    const walk = new Reassignment(instance);
    anneal(walk, { steps: 5000, warmth: 1000, random: seededNumbers(1) });
    expect(costOf(instance, walk.best)).toBe(best);
  });
});

describe('the reader of vector packing instances', () => {
  const packing = readVectorPacking('2\n10 20\n2\n3 4 2\n5 6 1\n');

  it('repeats each kind of item as often as the file says', () => {
    expect(packing).toEqual({ bin: [10, 20], items: [[3, 4], [3, 4], [5, 6]] });
  });

  it('makes a problem in which hosts are bins and dimensions are rows', () => {
    const problem = problemOf(packing, enoughBins(packing));
    expect(problem).toMatchObject({ hostCount: 4, vmCount: 3, hostRows: 2, goal: 'consolidate' });
    expect([...problem.hostCapacity.slice(0, 4)]).toEqual([10, 20, 10, 20]);
    expect([...problem.vmLoad]).toEqual([3, 4, 3, 4, 5, 6]);
  });

  it('refuses a text of another kind', () => {
    expect(() => readVectorPacking('2\n10 20\n2\n3 4 2\n')).toThrow('missing');
    expect(() => readVectorPacking('1\n10\n1\n3 1\n9')).toThrow('should end');
  });
});

/** Eight machines, thirty processes of ten services, with room for some of the moves and every rule in play. */
function randomInstance(seed: number) {
  const random = seededNumbers(seed);
  const machines = Array.from({ length: 8 }, (_, machine) => ({ neighbourhood: machine % 2, location: machine % 4 }));
  const homes = Array.from({ length: 30 }, (_, process) => (process * 3 + Math.floor(process / 10)) % 8);
  const lines = [
    '2 1 5 0 3 8',
    ...machines.map(({ neighbourhood, location }) => `${neighbourhood} ${location} 60 60 ${20 + random(20)} ${20 + random(20)} ${machines.map(() => random(9)).join(' ')}`),
    '10',
    ...homes.slice(0, 10).map((_, service) => (service % 3 === 0 ? '2 0' : service % 3 === 1 ? `1 1 ${(service + 9) % 10}` : '1 0')),
    '30',
    ...homes.map((_, process) => `${process % 10} ${1 + random(12)} ${1 + random(12)} ${random(20)}`),
    '1 0 1 2 4 2 3 5',
  ];
  const loose = readInstance(lines.join('\n'), homes.join(' '));
  // Whatever the homes break from the start is no rule of this instance.
  const broken = violationsOf(loose, loose.initial).flatMap((sentence) => /^Service (\d+) /.exec(sentence)?.[1] ?? []).map(Number);
  return { ...loose, spread: loose.spread.map((spread, service) => (broken.includes(service) ? 0 : spread)), dependsOn: loose.dependsOn.map((needed, service) => (broken.includes(service) ? new Int32Array() : needed)) };
}
