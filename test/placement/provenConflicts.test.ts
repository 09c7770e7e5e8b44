import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import { hopelessVms } from '../../src/backend/placement/bounds';
import { ConflictBudget, holdTogether, smallestConflict } from '../../src/backend/placement/conflict';
import { IrreducibleBudget, provenConflict } from '../../src/backend/placement/exact/provenConflict';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { formulate, type Formulation } from '../../src/backend/placement/formulation';
import type { Solution } from '../../src/backend/placement/problem';
import type { Held } from '../../src/backend/placement/requirements';
import { solve } from '../../src/backend/placement/solve';
import { movingSituations, situations, type MovingSituation } from './arbitrary';

/** `PXEN_PROPERTY_RUNS=2000` looks further. */
const runs = (few: number) => ({ numRuns: Number(process.env['PXEN_PROPERTY_RUNS'] ?? few) });

const solver = highsSolver(await loadHighs());
const proven = (formulation: Formulation, solution: Solution, vm: number) =>
  provenConflict({ formulation, solution, vm, hopeless: hopelessVms(formulation.problem), find: (program, wanted) => Promise.resolve(solver.contradiction(program, wanted)), budget: new IrreducibleBudget(10_000) });

const sizes = { hosts: 3, vms: 7 };
const anySituation = fc.oneof(situations(sizes).map((one): MovingSituation => ({ ...one, moves: { maxMoves: 0, stops: 'never' } })), movingSituations(sizes));

describe('a conflict that the continuous part proves', () => {
  it("can't hold together by trying every placement, and nothing of what is left of it can be spared", async () => {
    const kinds = new Map<string, number>();
    let waited = 0;
    await fc.assert(
      fc.asyncProperty(anySituation, async ({ model, inventory, previous, moves }) => {
        const formulation = formulate(model, inventory, previous, moves);
        const { solution } = solve(formulation.problem);
        for (const [vm, { barred }] of formulation.vms.entries()) {
          if (barred !== undefined || solution.vmHost[vm]! >= 0) continue;
          const conflict = await proven(formulation, solution, vm);
          if (conflict === undefined) continue;
          for (const { kind } of conflict.own) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
          if (conflict.others.some((other) => solution.vmHost[other]! < 0)) waited++;
          const holds = (held: Held) => holdTogether(formulation, vm, held, 50_000).holds;
          expect(holds(conflict)).toBe(false);
          const smallest = smallestConflict(formulation, solution, vm, new ConflictBudget(100_000), conflict)!;
          expect(smallest.isSmallest).toBe(true);
          expect(holds(smallest.held)).toBe(false);
          for (const spared of smallest.held.own) expect({ spared, holds: holds({ ...smallest.held, own: smallest.held.own.filter((one) => one !== spared) }) }).toEqual({ spared, holds: true });
          for (const spared of smallest.held.others) expect({ spared, holds: holds({ ...smallest.held, others: smallest.held.others.filter((one) => one !== spared) }) }).toEqual({ spared, holds: true });
        }
      }),
      runs(150),
    );
    // What the rows stand for is met in all its kinds.
    expect([...kinds.keys()].sort()).toEqual(['apart', 'disk', 'nature', 'on', 'pin', 'row', 'together', 'volume']);
    expect(waited).toBeGreaterThan(0);
  });
});
