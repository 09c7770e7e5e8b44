/** The thread in which HiGHS proves plans, and finds why a program has no solution. It is compiled once and stays warm for the next question. */

import loadHighs from 'highs';
import { parentPort, workerData } from 'node:worker_threads';
import { highsSolver } from '../exact/highsSolver';
import { prove } from '../exact/prove';
import type { ProverData, ProverReply, ProverRequest, ProveRequest, StopFlag } from './messages';

const { wasmFile } = workerData as ProverData;
const solver = loadHighs({ locateFile: () => wasmFile }).then(highsSolver);

parentPort?.on('message', (request: ProverRequest) => {
  void answer(request).catch((error: unknown) => reply({ id: request.id, kind: 'failed', message: error instanceof Error ? error.message : String(error) }));
});

async function answer(request: ProverRequest): Promise<void> {
  if (request.kind === 'prove') return proveIt(request);
  reply({ id: request.id, kind: 'contradiction', multipliers: (await solver).contradiction(request.program, request.wanted, isRaised(request.stop)) });
}

async function proveIt({ id, problem, start, nodes, stop }: ProveRequest): Promise<void> {
  const solved = prove(problem, start, await solver, { nodes, shouldStop: isRaised(stop), onProgress: (better) => reply({ id, kind: 'progress', solved: better }) });
  reply({ id, kind: 'done', solved });
}

function isRaised(stop: StopFlag): () => boolean {
  return () => Atomics.load(stop, 0) === 1;
}

function reply(message: ProverReply): void {
  parentPort?.postMessage(message);
}
