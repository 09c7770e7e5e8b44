import { describe, expect, it } from 'vitest';
import type { PlanJson } from '../../src/protocol';
import type { PoolModel } from '../../src/backend/drive/model';
import { EMPTY_INVENTORY, NO_MOVES, NO_PREVIOUS_PLACEMENT, type Inventory, type MovePolicy, type PreviousPlacement } from '../../src/backend/placement/inputs';
import { seededNumbers } from '../../src/backend/placement/order';
import { at } from '../../src/backend/placement/packing';
import { planPlacement, solvePlacement } from '../../src/backend/placement/plan';
import type { Prover } from '../../src/backend/placement/prover';
import { inProcessProver } from './inProcessProver';
import { pool, type PoolSketch, type VmSketch } from './pools';

interface Case extends PoolSketch {
  readonly inventory?: Partial<Inventory>;
  readonly previous?: Partial<PreviousPlacement>;
  readonly moves?: MovePolicy;
}

/** The solver for conflicts only: nothing here is about the proof of the plan. */
const prover: Prover = { ...(await inProcessProver(0)), prove: (_, solved) => Promise.resolve({ solved, stopped: false }) };
const hosts = (count: number, memory: number) => Array.from({ length: count }, (_, host) => ({ name: `n${host + 1}`, cpus: 64, memory: memory + host, arrays: [{ name: 'r0', capacity: 500 + host }] }));
const many = (count: number, name: string, sketch: (index: number) => Omit<VmSketch, 'name'>): VmSketch[] => Array.from({ length: count }, (_, index) => ({ name: `${name}${index + 1}`, ...sketch(index) }));

/** Pools in which the repacker's budget doesn't suffice to tell anything, and sums do. */
const CASES: Record<string, Case> = {
  'disks of more space than a rack has': {
    hosts: hosts(8, 256),
    vms: [...many(24, 'db', (index) => ({ on: ['n1', 'n2', 'n3'], disks: [{ name: 'data', size: 55 + index }], priority: 10 })), ...many(20, 'web', () => ({ disks: [{ name: 'root' }] })), { name: 'late', on: ['n1', 'n2', 'n3'], vcpus: 2, disks: [{ name: 'data', size: 90 }] }],
  },
  'more VMs apart than hosts of unlike sizes': {
    hosts: hosts(11, 64),
    vms: many(12, 'etcd', (index) => ({ memory: 4 + index, apart: Array.from({ length: 12 }, (_, other) => `etcd${other + 1}`).filter((_, other) => other !== index) })),
  },
  'more memory than a large pool has': { hosts: hosts(12, 64), vms: many(90, 'v', (index) => ({ memory: 4 + ((index * 7) % 13), priority: 10 * (index % 3) })) },
  'what runs leaves no room for a large VM on two hosts of many': {
    hosts: hosts(20, 64),
    vms: [...many(120, 'r', (index) => ({ memory: 7 + (index % 4) })), { name: 'big', memory: 40, disks: [{ name: 'd', size: 20 }] }, { name: 'large', memory: 40, on: ['n1', 'n2'] }],
    inventory: { running: Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`r${index + 1}`, `n${(index % 20) + 1}`])) },
  },
  'more moves needed than allowed in a large pool': {
    hosts: hosts(9, 256),
    vms: [...many(40, 'old', (index) => ({ disks: [{ name: 'd', size: 8 + (index % 8) }] })), { name: 'new', on: ['n1'], disks: [{ name: 'd', size: 480 }] }],
    previous: { disks: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`old${index + 1}/d`, { host: 'n1', array: 'r0' }])) },
    moves: { maxMoves: 20, stops: 'never' },
  },
};

interface Inputs {
  readonly model: PoolModel;
  readonly inventory: Inventory;
  readonly previous: PreviousPlacement;
  readonly moves: MovePolicy;
}

const inputsOf = ({ inventory, previous, moves = NO_MOVES, ...sketch }: Case): Inputs => ({ model: pool(sketch), inventory: { ...EMPTY_INVENTORY, ...inventory }, previous: { ...NO_PREVIOUS_PLACEMENT, ...previous }, moves });
const planned = ({ model, inventory, previous, moves }: Inputs): Promise<PlanJson> => solvePlacement(model, inventory, previous, { prover, moves });

describe('a VM left out of a large pool', () => {
  it.each(Object.entries(CASES))('is told why, with proof: %s', async (name, sketch) => {
    const plan = await planned(inputsOf(sketch));
    const told = plan.unplaced.map(({ vm, conflict }) => [`${vm}: these can't hold together`, ...conflict.map((requirement) => `  - ${requirement}`)].join('\n'));
    await expect(`${told.join('\n')}\n`).toMatchFileSnapshot(`explanations/proven/${name.replaceAll(' ', '-')}.txt`);
  });

  it.each(Object.entries(CASES).filter(([name]) => !name.startsWith('what runs')))('is told nothing of it without the solver: %s', (_, sketch) => {
    const { model, inventory, previous, moves } = inputsOf(sketch);
    expect(planPlacement(model, inventory, previous, moves).unplaced.filter(({ conflict }) => conflict.length === 0)).not.toEqual([]);
  });

  it.each(Object.entries(CASES))('is told the same whatever the order of the files: %s', async (_, sketch) => {
    const inputs = inputsOf(sketch);
    const first = await planned(inputs);
    for (let run = 1; run <= 5; run++) expect(await planned({ ...inputs, model: shuffled(inputs.model, run) })).toEqual(first);
  });

  it.each(Object.entries(CASES).filter(([name]) => !name.startsWith('what runs')))('is told what the quick plan told when the solver names rows that prove nothing: %s', async (_, sketch) => {
    const { model, inventory, previous, moves } = inputsOf(sketch);
    let asked = 0;
    const liar: Prover = { ...prover, contradiction: ({ rowLower }) => Promise.resolve(Float64Array.from(rowLower, (_, row) => Math.sin(row + ++asked))) };
    expect(await solvePlacement(model, inventory, previous, { prover: liar, moves })).toEqual(planPlacement(model, inventory, previous, moves));
    expect(asked).toBeGreaterThan(0);
  });

  describe('while the solver', () => {
    const { model, inventory, previous } = inputsOf(at(Object.values(CASES), 2));
    const quick = planPlacement(model, inventory, previous);
    /** Answers until something happens to it, once it has told of some VMs. */
    const until = (happens: () => Promise<undefined>): Prover => {
      let told = 0;
      return { ...prover, contradiction: (program, wanted, signal) => (told++ < 6 ? prover.contradiction(program, wanted, signal) : happens()) };
    };
    const isKept = (plan: PlanJson) => {
      const known = plan.unplaced.filter(({ conflict }) => conflict.length > 0).length;
      expect(known).toBeGreaterThan(quick.unplaced.filter(({ conflict }) => conflict.length > 0).length);
      expect(known).toBeLessThan(plan.unplaced.length);
      expect({ ...plan, unplaced: [] }).toEqual({ ...quick, unplaced: [] });
    };

    it('fails, keeps its plan and what was found, and tells of the failure', async () => {
      const faults: unknown[] = [];
      const failing = until(() => Promise.reject(new Error('out of memory')));
      isKept(await solvePlacement(model, inventory, previous, { prover: failing, onFault: (fault) => faults.push(fault) }));
      expect(faults).toEqual([new Error('out of memory')]);
    });

    it.each(['answers no more', 'fails'])("is ended and %s, keeps its plan and what was found, and isn't `stopped`: the search was at its end", async (how) => {
      const faults: unknown[] = [];
      const abort = new AbortController();
      const ended = until(() => {
        abort.abort();
        return how === 'fails' ? Promise.reject(new Error('ended')) : Promise.resolve(undefined);
      });
      isKept(await solvePlacement(model, inventory, previous, { prover: ended, signal: abort.signal, onFault: (fault) => faults.push(fault) }));
      expect(faults).toEqual([]);
    });
  });
});

function shuffled(model: PoolModel, run: number): PoolModel {
  const random = seededNumbers(run);
  const mix = <T>(items: readonly T[]): T[] => items.map((item) => ({ item, key: random(1_000_000) })).sort((a, b) => a.key - b.key).map(({ item }) => item);
  return { ...model, hosts: mix(model.hosts), vms: mix(model.vms) };
}
