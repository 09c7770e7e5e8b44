/**
 * The planner on random pools: VMs left out, largest load or hosts in use with the proven bound, CPU seconds. The quick plan is what boot follows and editors show at once; the
 * proven one what `pxen plan --prove` adds. Then a whole plan while typing, and how the time grows with the pool. Others on the same pools:
 * `peers.bench.ts`.
 */

import loadHighs from 'highs';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { prove } from '../../src/backend/placement/exact/prove';
import { formulate } from '../../src/backend/placement/formulation';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { solve, type Solved } from '../../src/backend/placement/solve';
import { poolOf, type PoolShape } from './pools';
import { cpuSeconds, Table, timed } from './table';

const PROVE_CPU_SECONDS = 20;
const WARM_RUNS = 100;
/** Odd: the median counts. */
const GROWTH_RUNS = 3;

const SHAPES: readonly PoolShape[] = [
  { hosts: 10, vms: 50, fill: 0.7 },
  { hosts: 10, vms: 50, fill: 0.92 },
  { hosts: 10, vms: 50, fill: 0.92, survive: 1 },
  { hosts: 10, vms: 50, fill: 1.05 },
  { hosts: 10, vms: 50, fill: 0.6, goal: 'consolidate' },
  { hosts: 16, vms: 120, fill: 0.92 },
  { hosts: 16, vms: 120, fill: 0.95 },
  { hosts: 64, vms: 600, fill: 0.92, flavours: 12 },
  { hosts: 64, vms: 600, fill: 0.95, flavours: 12 },
  { hosts: 64, vms: 600, fill: 0.95 },
];
const GROWTH: readonly PoolShape[] = [500, 1000, 2000, 5000].map((hosts) => ({ hosts, vms: hosts * 10, fill: 0.92 }));

const solver = highsSolver(await loadHighs());
const problemOf = (shape: PoolShape) => formulate(poolOf(shape), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT).problem;

const proofs = new Table(`Quick, and with proof (at most ${PROVE_CPU_SECONDS} s): the largest load, or the hosts in use, and what no plan can go below`, [
  ['pool', 36],
  ['left out', -8],
  ['quick', -9],
  ['CPU s', -6],
  ['proven', -9],
  ['bound', -9],
  ['CPU s', -6],
]);
for (const shape of SHAPES) {
  const problem = problemOf(shape);
  const quick = timed(() => solve(problem));
  const begun = cpuSeconds();
  const proven = timed(() => prove(problem, quick.result, solver, { nodes: 20_000, onProgress: () => undefined, shouldStop: () => cpuSeconds() - begun > PROVE_CPU_SECONDS }));
  const goal = ({ hostsUsed, loads }: Solved['measures']) => (shape.goal === 'consolidate' ? `${hostsUsed} hosts` : `${loads[0] ?? 0} %`);
  const { measures, bounds } = proven.result;
  proofs.row(nameOf(shape), leftOut(proven.result), goal(quick.result.measures), quick.seconds.toFixed(2), goal(measures), goal(bounds), proven.seconds.toFixed(2));
}

const model = poolOf({ hosts: 10, vms: 50, fill: 0.92 });
const times = Array.from({ length: WARM_RUNS * 2 }, () => {
  const start = performance.now();
  const { seconds } = timed(() => planPlacement(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT));
  return { wall: performance.now() - start, cpu: seconds * 1000 };
}).slice(WARM_RUNS);
const typing = new Table('A whole plan, explanations and check included, while typing: 10×50 at 92 %, warm (target: 50 ms at the 95th percentile)', [
  ['milliseconds', 14],
  ['median', -8],
  ['95 %', -8],
]);
for (const clock of ['wall', 'cpu'] as const) {
  const sorted = times.map((time) => time[clock]).sort((a, b) => a - b);
  typing.row(clock === 'cpu' ? 'of a processor' : 'on the wall', (sorted[WARM_RUNS >> 1] ?? 0).toFixed(1), (sorted[Math.floor(WARM_RUNS * 0.95)] ?? 0).toFixed(1));
}

const growth = new Table(`Growth at ten VMs a host, the median of ${GROWTH_RUNS} runs`, [
  ['pool', 36],
  ['left out', -8],
  ['load', -9],
  ['bound', -9],
  ['CPU s', -6],
]);
const pools = GROWTH.map((shape) => ({ shape, problem: problemOf(shape), runs: [] as { readonly result: Solved; readonly seconds: number }[] }));
// Once unmeasured: the first pool would pay for compiling. Then round by round, so that a busy moment of the machine doesn't hit one size only.
for (const { problem } of pools.slice(0, 1)) solve(problem);
for (let round = 0; round < GROWTH_RUNS; round++) {
  for (const { problem, runs } of pools) runs.push(timed(() => solve(problem)));
}
const points = pools.flatMap(({ shape, runs }) => {
  const median = runs.sort((a, b) => a.seconds - b.seconds)[GROWTH_RUNS >> 1];
  if (median === undefined) return [];
  const { result, seconds } = median;
  growth.row(nameOf(shape), leftOut(result), `${result.measures.loads[0] ?? 0} %`, `${result.bounds.loads[0] ?? 0} %`, seconds.toFixed(2));
  return [{ x: Math.log(shape.vms), y: Math.log(seconds) }];
});
console.log(`time grows as VMs^${slopeOf(points).toFixed(2)} (least squares; target: at most 1.2)`);

function leftOut({ solution }: Solved): number {
  return solution.vmHost.reduce((sum, host) => sum + Number(host < 0), 0);
}

function nameOf({ hosts, vms, fill, flavours, survive, goal }: PoolShape): string {
  const parts = [`${hosts}×${vms} at ${Math.round(fill * 100)} %`, flavours === undefined ? '' : `${flavours} flavours`, survive === undefined ? '' : `survive ${survive}`, goal ?? ''];
  return parts.filter((part) => part !== '').join(', ');
}

function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  return points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}
