import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanJson } from '../../src/protocol';
import type { PoolModel } from '../../src/backend/drive/model';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { seededNumbers } from '../../src/backend/placement/order';
import { planPlacement, solvePlacement } from '../../src/backend/placement/plan';
import { openProver, type ProverThread } from '../../src/backend/placement/thread/proverThread';
import { pool } from './pools';

const ROOT = path.resolve(import.meta.dirname, '../..');
const RUNS = 100;

/** Crowded enough for the proof to find better plans on the way, and to leave levels to the node budget. */
const MODEL = pool({
  survive: 1,
  hosts: ['n1', 'n2', 'n3', 'n4'].map((name) => ({ name, cpus: 64, memory: 34, arrays: [{ name: 'r0' }, { name: 'r1' }] })),
  vms: [19, 17, 13, 11, 11, 9, 7, 7, 5, 5, 3, 3].map((memory, index) => ({
    name: `v${index}`,
    memory,
    priority: (index % 3) * 10,
    disks: [{ name: 'root', bandwidth: 10 + index }],
    ...(index === 3 ? { apart: ['v4'] } : {}),
    ...(index === 7 ? { together: ['v8'] } : {}),
  })),
});

/** A worker that is as slow to tell each thing as chance has it. */
const SLOW_WORKER = `
  import { parentPort } from 'node:worker_threads';
  import './worker';
  const post = parentPort.postMessage.bind(parentPort);
  parentPort.postMessage = (message) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 5);
    post(message);
  };
`;

let folder: string;
let prover: ProverThread;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pxen-determinism-'));
  const alias = { highs: path.join(ROOT, 'node_modules/highs/build/highs.js') };
  const stdin = { contents: SLOW_WORKER, resolveDir: path.join(ROOT, 'src/backend/placement/thread'), loader: 'js' as const };
  await build({ stdin, outfile: path.join(folder, 'placement-worker.js'), bundle: true, platform: 'node', format: 'cjs', alias, logLevel: 'error' });
  await copyFile(path.join(ROOT, 'node_modules/highs/build/highs.wasm'), path.join(folder, 'highs.wasm'));
  prover = openProver(folder, 20);
});
afterAll(async () => {
  await prover.close();
  await rm(folder, { recursive: true });
});

describe('the whole plan, to the last byte', () => {
  it(`is the same over ${RUNS} runs, whatever the order in which the files are read`, () => {
    const hashes = Array.from({ length: RUNS }, (_, run) => sha256(planPlacement(shuffled(run), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT)));
    expect(new Set(hashes).size).toBe(1);
  });

  it(`is the same over ${RUNS} proofs, whatever the order of the files and the pace of the solver's thread`, async () => {
    const hashes = new Set<string>();
    const incumbents = new Set<string>();
    for (let run = 0; run < RUNS; run++) {
      const seen: string[] = [];
      hashes.add(sha256(await solvePlacement(shuffled(run), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, { prover, onIncumbent: (plan) => seen.push(sha256(plan)) })));
      incumbents.add(seen.join(' '));
    }
    expect([hashes.size, incumbents.size]).toEqual([1, 1]);
  }, 300_000);
});

function shuffled(run: number): PoolModel {
  const random = seededNumbers(run + 1);
  const mix = <T>(items: readonly T[]): T[] => {
    const mixed = [...items];
    for (let last = mixed.length - 1; last > 0; last--) {
      const other = random(last + 1);
      [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
    }
    return mixed;
  };
  return { ...MODEL, hosts: mix(MODEL.hosts), vms: mix(MODEL.vms) };
}

function sha256(plan: PlanJson): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex');
}
