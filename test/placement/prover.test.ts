import { build } from 'esbuild';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanJson } from '../../src/protocol';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement, solvePlacement } from '../../src/backend/placement/plan';
import { planText } from '../../src/backend/placement/planText';
import { openProver, type ProverThread } from '../../src/backend/placement/thread/proverThread';
import { inProcessProver } from './inProcessProver';
import { pool } from './pools';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Three hosts with room for four of the big or many of the small: quick search leaves a load that can be brought down. */
const MODEL = pool({
  hosts: ['n1', 'n2', 'n3', 'n4'].map((name) => ({ name, cpus: 64, memory: 60 })),
  vms: [23, 21, 19, 17, 13, 13, 11, 11, 11, 7, 7, 7, 7, 5, 5, 5, 3, 3, 2, 2].map((memory, index) => ({ name: `v${index}`, memory })),
});

let folder: string;
let prover: ProverThread;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pxen-prover-'));
  const alias = { highs: path.join(ROOT, 'node_modules/highs/build/highs.js') };
  await build({ entryPoints: { 'placement-worker': path.join(ROOT, 'src/backend/placement/thread/worker.ts') }, outdir: folder, bundle: true, platform: 'node', format: 'cjs', alias, logLevel: 'error' });
  await copyFile(path.join(ROOT, 'node_modules/highs/build/highs.wasm'), path.join(folder, 'highs.wasm'));
  prover = openProver(folder, 500);
});
afterAll(async () => {
  await prover.close();
  await rm(folder, { recursive: true });
});

describe('the prover thread', () => {
  it('gives the plan that the same solver gives without a thread', async () => {
    const expected = await solvePlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover: await inProcessProver(500) });
    const plans: PlanJson[] = [];
    const plan = await solvePlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover, onIncumbent: (better) => plans.push(better) });
    expect(plan).toEqual(expected);
    expect(plans[0]).toEqual(planPlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT));
  });

  it('tells what a VM left out is in conflict with as the same solver does without a thread', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `etcd${index}`);
    const crowd = pool({ hosts: names.slice(1).map((_, host) => ({ name: `n${host}`, memory: 32 + host })), vms: names.map((name, index) => ({ name, memory: 4 + index, apart: names.filter((other) => other !== name) })) });
    const expected = await solvePlacement(crowd, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover: await inProcessProver(500) });
    expect(planPlacement(crowd, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT).unplaced[0]?.conflict).toEqual([]);
    expect(expected.unplaced[0]?.conflict).toHaveLength(9);
    expect(await solvePlacement(crowd, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover })).toEqual(expected);
  });

  it('gives up at once when asked to, says so, and answers the next question', async () => {
    const abort = new AbortController();
    const stopped = await solvePlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover, signal: abort.signal, onIncumbent: () => abort.abort() });
    expect(stopped).toEqual({ ...planPlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT), stopped: true });
    expect(planText(MODEL, stopped, { hosts: [], storage: [] })).toContain('The search was stopped: this is the best plan so far.');
    const plan = await solvePlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover });
    expect(plan.stopped).toBeUndefined();
    expect(plan.objective.maxLoad).toBeLessThanOrEqual(stopped.objective.maxLoad);
  });

  it('says so when the solver is missing', async () => {
    const broken = openProver(path.join(folder, 'nowhere'));
    await expect(solvePlacement(MODEL, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover: broken })).rejects.toThrow(/solver's thread failed/);
    await broken.close();
  });
});
