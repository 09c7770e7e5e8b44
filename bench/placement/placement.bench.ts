/**
 * The planner against greedy filter-and-score (what schedulers such as Kubernetes' do), on random pools: VMs left out, largest load with its proven
 * bound, CPU seconds. The quick plan is what boot and the editor use; the proven one what `pxen plan --prove` adds.
 */

import loadHighs from 'highs';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { prove } from '../../src/backend/placement/exact/prove';
import { formulate } from '../../src/backend/placement/formulation';
import { placeGreedily } from '../../src/backend/placement/greedy';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { largestLoad } from '../../src/backend/placement/objective';
import { placingOrder, unitsOf } from '../../src/backend/placement/order';
import { Packing } from '../../src/backend/placement/packing';
import { planPlacement } from '../../src/backend/placement/plan';
import { solve } from '../../src/backend/placement/solve';
import { poolOf, type PoolShape } from './pools';

const PROVE_CPU_SECONDS = 20;
const WARM_RUNS = 40;

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

const cpuSeconds = () => process.cpuUsage().user / 1e6;

function timed<T>(work: () => T): { readonly result: T; readonly seconds: number } {
  const start = cpuSeconds();
  const result = work();
  return { result, seconds: cpuSeconds() - start };
}

const leftOut = (vmHost: Int32Array) => vmHost.reduce((sum, host) => sum + Number(host < 0), 0);
const named = ({ hosts, vms, fill, flavours, survive, goal }: PoolShape) =>
  [`${hosts}×${vms} at ${Math.round(fill * 100)} %`, flavours === undefined ? '' : `${flavours} flavours`, survive === undefined ? '' : `survive ${survive}`, goal ?? ''].filter((part) => part !== '').join(', ');
const line = (cells: readonly string[], widths: readonly number[]) => console.log(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' '));

function greedyOnly(shape: PoolShape): { readonly out: number; readonly load: number; readonly seconds: number } {
  const { problem } = formulate(poolOf(shape), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT);
  const { result, seconds } = timed(() => {
    const packing = new Packing(problem);
    const order = placingOrder(problem);
    placeGreedily(packing, order, unitsOf(problem, order), 'even');
    return packing;
  });
  return { out: leftOut(result.vmHost), load: largestLoad(result), seconds };
}

const solver = highsSolver(await loadHighs());
const WIDTHS = [36, 16, 24, 34];

console.log('Left out, largest load (bound) or hosts in use (bound), CPU seconds');
line(['pool', 'greedy', 'quick', `proven (at most ${PROVE_CPU_SECONDS} s)`], WIDTHS);
for (const shape of SHAPES) {
  const greedy = greedyOnly(shape);
  const { problem } = formulate(poolOf(shape), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT);
  const quick = timed(() => solve(problem));
  const begun = cpuSeconds();
  const proven = timed(() => prove(problem, quick.result, solver, { nodes: 20_000, onProgress: () => undefined, shouldStop: () => cpuSeconds() - begun > PROVE_CPU_SECONDS }));
  const told = ({ measures, bounds, solution }: typeof quick.result, seconds: number) => {
    const [value, bound, sign] = shape.goal === 'consolidate' ? [measures.hostsUsed, bounds.hostsUsed, ' hosts'] : [measures.loads[0] ?? 0, bounds.loads[0] ?? 0, ' %'];
    return `${leftOut(solution.vmHost)}, ${value}${sign} (${bound}) ${seconds.toFixed(2)}`;
  };
  line([named(shape), `${greedy.out}, ${greedy.load} % ${greedy.seconds.toFixed(2)}`, told(quick.result, quick.seconds), told(proven.result, proven.seconds)], WIDTHS);
}

console.log('\nA whole plan, explanations and check included, while typing (10×50 at 92 %, warm), milliseconds');
const model = poolOf({ hosts: 10, vms: 50, fill: 0.92 });
const times = Array.from({ length: WARM_RUNS * 2 }, () => {
  const start = performance.now();
  planPlacement(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT);
  return performance.now() - start;
})
  .slice(WARM_RUNS)
  .sort((a, b) => a - b);
console.log(`median ${(times[WARM_RUNS >> 1] ?? 0).toFixed(1)}, 95th percentile ${(times[Math.floor(WARM_RUNS * 0.95)] ?? 0).toFixed(1)}`);

console.log('\nGrowth at ten VMs a host and 92 % fill: left out, largest load (bound), CPU seconds');
const growth = GROWTH.map((shape) => {
  const { problem } = formulate(poolOf(shape), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT);
  const { result, seconds } = timed(() => solve(problem));
  console.log(`${named(shape).padEnd(WIDTHS[0] ?? 0)} ${leftOut(result.solution.vmHost)}, ${result.measures.loads[0] ?? 0} % (${result.bounds.loads[0] ?? 0}) ${seconds.toFixed(2)}`);
  return { x: Math.log(shape.vms), y: Math.log(seconds) };
});
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const [meanX, meanY] = [mean(growth.map(({ x }) => x)), mean(growth.map(({ y }) => y))];
const slope = growth.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / growth.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
console.log(`time grows as VMs^${slope.toFixed(2)} (least squares)`);
