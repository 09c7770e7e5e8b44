import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import { hopelessVms } from '../../src/backend/placement/bounds';
import { ConflictBudget, holdTogether, smallestConflict } from '../../src/backend/placement/conflict';
import { certificateOf } from '../../src/backend/placement/exact/contradiction';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { provenConflict, SolverBudget, type FindContradiction } from '../../src/backend/placement/exact/provenConflict';
import { requirementProgram } from '../../src/backend/placement/exact/requirementProgram';
import { vmKinds } from '../../src/backend/placement/exact/rivalClasses';
import { formulate, type Formulation } from '../../src/backend/placement/formulation';
import { EMPTY_INVENTORY, NO_MOVES, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import type { Solution } from '../../src/backend/placement/problem';
import { ownRequirements, rivals, type Held } from '../../src/backend/placement/requirements';
import { solve } from '../../src/backend/placement/solve';
import { movingSituations, situations, type MovingSituation } from './arbitrary';
import { pool } from './pools';

/** `PXEN_PROPERTY_RUNS=2000` looks further, each time elsewhere. */
const furtherRuns = process.env['PXEN_PROPERTY_RUNS'];
const runs = (few: number) => (furtherRuns === undefined ? { numRuns: few, seed: 7 } : { numRuns: Number(furtherRuns) });

const solver = highsSolver(await loadHighs());
const find: FindContradiction = (program, wanted) => Promise.resolve(solver.contradiction(program, wanted));

/** Hosts told apart as far as they differ, or all added up. */
const columns = fc.constantFrom(4000, 0);
const sizes = { hosts: 3, vms: 7 };
const stayed = { previous: NO_PREVIOUS_PLACEMENT, inventory: EMPTY_INVENTORY, moves: NO_MOVES };
/** Large VMs on few hosts: those that are placed leave room in the sums for one more, but not for all that wait. */
const crowded = fc
  .record({ hosts: fc.array(fc.integer({ min: 10, max: 16 }), { minLength: 2, maxLength: 3 }), vms: fc.array(fc.record({ memory: fc.integer({ min: 4, max: 9 }), priority: fc.constantFrom(0, 10) }), { minLength: 6, maxLength: 9 }) })
  .map(({ hosts, vms }): MovingSituation => ({ ...stayed, model: pool({ hosts: hosts.map((memory, index) => ({ name: `n${index}`, memory })), vms: vms.map((vm, index) => ({ name: `v${index}`, ...vm })) }) }));
/** Stopped VMs whose disks lie where a new one's must: some have to move. */
const displacing = fc
  .record({ old: fc.array(fc.integer({ min: 3, max: 7 }), { minLength: 2, maxLength: 4 }), fresh: fc.integer({ min: 6, max: 25 }), maxMoves: fc.constantFrom(1, 2, Infinity) })
  .map(({ old, fresh, maxMoves }): MovingSituation => {
    const hosts = ['n0', 'n1'].map((name) => ({ name, memory: 32, arrays: [{ name: 'r0', capacity: 30 }] }));
    const vms = [...old.map((size, index) => ({ name: `old${index}`, disks: [{ name: 'd', size }] })), { name: 'fresh', on: ['n0'], disks: [{ name: 'd', size: fresh }] }];
    const disks = Object.fromEntries(old.map((_, index) => [`old${index}/d`, { host: 'n0', array: 'r0' }]));
    return { model: pool({ hosts, vms }), inventory: EMPTY_INVENTORY, previous: { ...NO_PREVIOUS_PLACEMENT, disks }, moves: { maxMoves, stops: 'never' } };
  });
const anySituation = fc.oneof(situations(sizes).map((one): MovingSituation => ({ ...one, moves: { maxMoves: 0, stops: 'never' } })), movingSituations(sizes), crowded, displacing);

interface LeftOut {
  readonly formulation: Formulation;
  readonly solution: Solution;
  readonly vm: number;
  readonly hopeless: ReadonlySet<number>;
}

function leftOut({ model, inventory, previous, moves }: MovingSituation): LeftOut[] {
  const formulation = formulate(model, inventory, previous, moves);
  const { solution } = solve(formulation.problem);
  const hopeless = hopelessVms(formulation.problem);
  return formulation.vms.flatMap(({ barred }, vm) => (barred === undefined && solution.vmHost[vm]! < 0 ? [{ formulation, solution, vm, hopeless }] : []));
}

describe('a conflict that the continuous part proves', () => {
  it("can't hold together by trying every placement, and nothing of what is left of it can be spared", async () => {
    const kinds = new Map<string, number>();
    let waited = 0;
    await fc.assert(
      fc.asyncProperty(anySituation, columns, async (situation, mostColumns) => {
        for (const left of leftOut(situation)) {
          const { formulation, solution, vm } = left;
          const conflict = await provenConflict({ ...left, find, budget: new SolverBudget(Infinity, Infinity), options: { kinds: vmKinds(formulation.problem), mostColumns } });
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
      runs(400),
    );
    // What the rows stand for is met in all its kinds.
    expect([...kinds.keys()].sort()).toEqual(['apart', 'disk', 'moves', 'nature', 'on', 'pin', 'row', 'together', 'volume']);
    expect(waited).toBeGreaterThan(0);
  });

  it('is never one that some placement meets, whatever rows a solver names with whatever multipliers', () => {
    const checked = { all: 0, withMoves: 0 };
    const kinds = new Set<string>();
    const choices = fc.array(fc.nat(20), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(anySituation, fc.constantFrom(0, 0, 1, 2, Infinity), columns, fc.constantFrom(-1, 6, 12), choices, choices, (situation, maxMoves, mostColumns, dropped, chosen, named) => {
        const { model, inventory, previous, moves } = situation;
        const formulation = formulate(model, inventory, previous, { ...moves, maxMoves });
        const { problem } = formulation;
        const all = Array.from({ length: problem.vmCount }, (_, vm) => vm);
        const some = <T>(items: readonly T[], from: number) => items.filter((_, index) => chosen[(index + from) % chosen.length]! > dropped);
        // Any VM is asked about as if it were left out, unless it runs.
        for (const vm of all.filter((one) => formulation.vms[one]!.barred === undefined && problem.vmFixedHost[one]! < 0 && problem.vmRunningHost[one]! < 0)) {
          const held = { own: some(ownRequirements(formulation, vm), vm), others: some(all.filter((other) => other !== vm), vm + 3) };
          if (holdTogether(formulation, vm, held, 20_000).holds !== true) continue;
          for (const { kind } of held.own) kinds.add(kind);
          const asked = requirementProgram(formulation, vm, held, { kinds: vmKinds(problem), mostColumns });
          const multipliers = Float64Array.from(asked.program.rowLower, (lower, row) => (lower > -Infinity ? 1 : -1) * named[row % named.length]!);
          expect(certificateOf(asked, multipliers)).toBeUndefined();
          expect(solver.contradiction(asked.program, 'any')).toBeUndefined();
          checked.all++;
          if (held.own.some(({ kind }) => kind === 'moves')) checked.withMoves++;
        }
      }),
      runs(400),
    );
    expect(checked.all).toBeGreaterThan(100);
    expect(checked.withMoves).toBeGreaterThan(20);
    expect([...kinds].sort()).toEqual(['apart', 'disk', 'moves', 'nature', 'on', 'pin', 'row', 'together', 'volume']);
  });

  it('is none that what runs makes with the rules it breaks: a torn group, neighbours that should be apart, an overfull host and array', () => {
    const r0 = { name: 'r0', capacity: 10 };
    const model = pool({
      hosts: [{ name: 'n1', memory: 4, arrays: [r0] }, { name: 'n2', memory: 64, arrays: [r0] }],
      vms: [{ name: 'a', memory: 3, together: ['b'] }, { name: 'b' }, { name: 'c', memory: 3, apart: ['a', 'b'] }, { name: 'd', disks: [{ name: 'd', size: 20 }] }, { name: 'late', memory: 100 }],
    });
    const [left] = leftOut({ ...stayed, model, inventory: { ...EMPTY_INVENTORY, running: { a: 'n1', b: 'n2', c: 'n1', d: 'n2' } }, previous: { ...NO_PREVIOUS_PLACEMENT, disks: { 'd/d': { host: 'n2', array: 'r0' } } } });
    const { formulation, solution, vm } = left!;
    const others = rivals(formulation.problem, solution, vm);
    expect(others).toHaveLength(4);
    for (const mostColumns of [4000, 0]) expect(solver.contradiction(requirementProgram(formulation, vm, { own: [], others }, { kinds: vmKinds(formulation.problem), mostColumns }).program, 'any')).toBeUndefined();
  });

  it('is none of a movable disk that has outgrown its array and stays, and of what moves away from beside it', () => {
    const hosts = ['n1', 'n2'].map((name) => ({ name, memory: 8, arrays: [{ name: 'r0', capacity: 10 }] }));
    const model = pool({ hosts, vms: [{ name: 'grown', disks: [{ name: 'd', size: 20 }] }, { name: 'small', disks: [{ name: 'd', size: 4 }] }, { name: 'late', memory: 100 }] });
    const previous = { ...NO_PREVIOUS_PLACEMENT, disks: { 'grown/d': { host: 'n1', array: 'r0' }, 'small/d': { host: 'n1', array: 'r0' } } };
    const formulation = formulate(model, EMPTY_INVENTORY, previous, { maxMoves: Infinity, stops: 'never' });
    const [grown, small, late] = ['grown', 'small', 'late'].map((name) => formulation.vms.findIndex((vm) => vm.model.name === name)) as [number, number, number];
    for (const mostColumns of [4000, 0]) {
      const asked = (vm: number, held: Held) => solver.contradiction(requirementProgram(formulation, vm, held, { kinds: vmKinds(formulation.problem), mostColumns }).program, 'any');
      for (const [vm, others] of [[late, [grown, small]], [late, [grown]], [small, [grown]], [grown, [small]], [grown, []]] as const) {
        const held: Held = { own: vm === late ? [] : ownRequirements(formulation, vm), others };
        expect({ vm, others, holds: holdTogether(formulation, vm, held, 10_000).holds, asked: asked(vm, held) }).toEqual({ vm, others, holds: true, asked: undefined });
      }
    }
  });

  it('is none of two disks that fit on two arrays, where all arrays are added up', () => {
    const arrays = [{ name: 'r0', capacity: 10 }, { name: 'r1', capacity: 20 }];
    const model = pool({ hosts: [{ name: 'n1', arrays }], vms: [{ name: 'a', disks: [{ name: 'd0', size: 1 }, { name: 'd1', size: 20 }] }, { name: 'late', memory: 100 }] });
    const [left] = leftOut({ ...stayed, model });
    const { formulation, solution, vm } = left!;
    const asked = requirementProgram(formulation, vm, { own: [], others: rivals(formulation.problem, solution, vm) }, { kinds: vmKinds(formulation.problem), mostColumns: 0 });
    expect(solver.contradiction(asked.program, 'any')).toBeUndefined();
  });

  it('is neither looked for nor made a program of once the budget is spent, however many VMs wait', async () => {
    const model = pool({ hosts: [{ name: 'n1', memory: 64 }], vms: Array.from({ length: 40 }, (_, index) => ({ name: `v${index}`, memory: 9 + (index % 7) })) });
    const asking = leftOut({ ...stayed, model });
    const budget = new SolverBudget(1, 1000);
    const count = { asked: 0, made: 0 };
    const unsure: FindContradiction = () => {
      count.asked++;
      return Promise.resolve(undefined);
    };
    const question = (left: LeftOut) => ({ ...left, find: unsure, budget, options: { kinds: vmKinds(left.formulation.problem), get mostColumns() { return count.made++, 4000; } } });
    expect(budget.isSpent).toBe(false);
    for (const left of asking) expect(await provenConflict(question(left))).toBeUndefined();
    expect({ ...count, asking: asking.length > 20, isSpent: budget.isSpent }).toEqual({ asked: 1, made: 1, asking: true, isSpent: true });
  });

  it('is looked for in a program of no more columns than it may have, or of added up hosts', () => {
    const arrays = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `r${index}`, capacity: 50 + index }));
    const model = pool({
      hosts: [1, 2, 3].map((count) => ({ name: `n${count}`, memory: 32 + count, arrays: arrays(count) })),
      vms: [...['a', 'b', 'c'].map((name, index) => ({ name, memory: 1 + index, disks: [{ name: 'd', size: 1 + index }, { name: 'e', size: 9 }], together: [['b'], [], []][index]! })), { name: 'late', memory: 100, apart: ['c'], disks: [{ name: 'd', size: 20 }] }],
    });
    const { formulation, solution, vm } = leftOut({ ...stayed, model })[0]!;
    const held = { own: ownRequirements(formulation, vm), others: rivals(formulation.problem, solution, vm) };
    const columnsOf = (mostColumns: number) => requirementProgram(formulation, vm, held, { kinds: vmKinds(formulation.problem), mostColumns }).program.columnUpper.length;
    const [fine, coarse] = [columnsOf(Infinity), columnsOf(0)];
    expect(coarse).toBeLessThan(fine);
    expect([columnsOf(fine), columnsOf(fine - 1)]).toEqual([fine, coarse]);
  });

  it('is none when one of its rows is missing, or when its multipliers are those of another program', () => {
    const [left] = leftOut({ ...stayed, model: FULL });
    const { formulation, solution, vm } = left!;
    const held = { own: ownRequirements(formulation, vm), others: rivals(formulation.problem, solution, vm) };
    const asked = requirementProgram(formulation, vm, held, { kinds: vmKinds(formulation.problem), mostColumns: 4000 });
    const multipliers = solver.contradiction(asked.program, 'irreducible')!;
    expect(certificateOf(asked, multipliers)).toBeDefined();
    const rows = Array.from(multipliers.keys()).filter((row) => multipliers[row] !== 0);
    for (const missing of rows) expect({ missing, certificate: certificateOf(asked, multipliers.map((times, row) => (row === missing ? 0 : times))) }).toEqual({ missing, certificate: undefined });
    expect(certificateOf(asked, multipliers.map((times) => -times))).toBeUndefined();
    const roomier = { ...asked, program: { ...asked.program, rowUpper: asked.program.rowUpper.map((upper) => upper * 2) } };
    expect(certificateOf(roomier, multipliers)).toBeUndefined();
  });
});

/** No room for the last of them, whoever that is. */
const FULL = pool({ hosts: [{ name: 'n1', memory: 18 }, { name: 'n2', memory: 18 }], vms: [9, 9, 8, 8, 2].map((memory, index) => ({ name: `v${index}`, memory })) });
