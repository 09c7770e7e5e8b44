import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConflictBudget, holdTogether, smallestConflict } from '../../src/backend/placement/conflict';
import { formulate } from '../../src/backend/placement/formulation';
import { planPlacement } from '../../src/backend/placement/plan';
import { remedyAsInputs } from './remedyReader';
import { withRemedies } from '../../src/backend/placement/remedies';
import type { Held } from '../../src/backend/placement/requirements';
import { solve } from '../../src/backend/placement/solve';
import { movingSituations, situations, type MovingSituation } from './arbitrary';

/** `PXEN_PROPERTY_RUNS=2000` looks further. */
const runs = (few: number) => ({ numRuns: Number(process.env['PXEN_PROPERTY_RUNS'] ?? few) });

const anySituation = fc.oneof(situations({ hosts: 3, vms: 6 }).map((one): MovingSituation => ({ ...one, moves: { maxMoves: 0, stops: 'never' } })), movingSituations({ hosts: 3, vms: 6 }));

describe('the conflict of a VM left out', () => {
  it("can't hold together, and can without any one of its requirements", () => {
    let seen = 0;
    fc.assert(
      fc.property(anySituation, ({ model, inventory, previous, moves }) => {
        const formulation = formulate(model, inventory, previous, moves);
        const { solution } = solve(formulation.problem);
        formulation.vms.forEach(({ barred }, vm) => {
          if (barred !== undefined || solution.vmHost[vm]! >= 0) return;
          const conflict = smallestConflict(formulation, solution, vm, new ConflictBudget(100_000))?.held;
          if (conflict === undefined) return;
          seen++;
          const holds = (held: Held) => holdTogether(formulation, vm, held, 50_000).holds;
          expect(holds(conflict)).toBe(false);
          for (const spared of conflict.own) expect({ spared, holds: holds({ ...conflict, own: conflict.own.filter((one) => one !== spared) }) }).toEqual({ spared, holds: true });
          for (const spared of conflict.others) expect({ spared, holds: holds({ ...conflict, others: conflict.others.filter((one) => one !== spared) }) }).toEqual({ spared, holds: true });
        });
      }),
      runs(100),
    );
    expect(seen).toBeGreaterThan(25);
  });
});

describe('a remedy', () => {
  it('lets the VM in when it is applied, at no cost to others', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.tuple(anySituation, fc.boolean()), ([situation, isAnywhere]) => {
        // Else nearly all that is told is to drop `on`.
        const anywhere = situation.model.vms.map((vm) => ({ ...vm, placement: { apart: vm.placement.apart, together: vm.placement.together, migratable: vm.placement.migratable } }));
        const inputs = isAnywhere ? { ...situation, model: { ...situation.model, vms: anywhere } } : situation;
        const plan = withRemedies(inputs, planPlacement(inputs.model, inputs.inventory, inputs.previous, inputs.moves));
        for (const { vm, remedies = [] } of plan.unplaced) {
          for (const remedy of remedies) {
            for (const { kind, changed } of remedyAsInputs(inputs, vm, remedy)) {
              seen.set(kind, (seen.get(kind) ?? 0) + 1);
              const { unplaced } = planPlacement(changed.model, changed.inventory, changed.previous, changed.moves);
              const stillOut = unplaced.map((left) => left.vm).filter((left) => left === vm || !plan.unplaced.some((before) => before.vm === left));
              expect({ vm, remedy, stillOut }).toEqual({ vm, remedy, stillOut: [] });
            }
          }
        }
      }),
      runs(100),
    );
    expect([...seen.keys()]).toEqual(expect.arrayContaining(['more', 'on']));
  });
});
