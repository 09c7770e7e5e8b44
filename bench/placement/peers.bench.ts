/**
 * The planner beside what else could place these VMs, on the same pools in the same run: VMs left out, bytes moved, largest load, CPU seconds.
 *
 * - greedy filter-and-score: each VM once, to the host that ends up least loaded, as schedulers such as Kubernetes' and Ganeti's allocator do;
 * - Ganeti's `hbal` evens out what runs, and places nobody: it starts from greedy's placement, and greedy then tries those that were left out again;
 * - monolithic HiGHS: one mixed-integer program over all VMs and hosts, the solver's own search.
 *
 * Two situations: a new pool, where nothing runs yet, and a pool that runs at 88 % of its memory and to which VMs are added up to 95 %, so that
 * running ones must make room; those migrate live. What hbal moves in a new pool is no move: nothing runs.
 */

import loadHighs from 'highs';
import { highsSolver } from '../../src/backend/placement/exact/highsSolver';
import { prove } from '../../src/backend/placement/exact/prove';
import { formulate } from '../../src/backend/placement/formulation';
import { placeGreedily } from '../../src/backend/placement/greedy';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, type Inventory } from '../../src/backend/placement/inputs';
import { measure } from '../../src/backend/placement/objective';
import { placingOrder, unitsOf } from '../../src/backend/placement/order';
import { at, Packing } from '../../src/backend/placement/packing';
import { withoutMoves, type Problem, type Solution } from '../../src/backend/placement/problem';
import { solve } from '../../src/backend/placement/solve';
import { balanceWithHbal, hasHbal } from './peers/ganeti';
import { solveMonolithically } from './peers/monolithic';
import { poolOf, type PoolShape } from './pools';
import { cpuSeconds, Table, timed } from './table';

const GIB = 2 ** 30;
const FILL_BEFORE = 0.88;

/** Seconds are what the solver gets, alone and in the planner. */
const SHAPES: readonly (PoolShape & { readonly seconds: number })[] = [
  { hosts: 10, vms: 50, fill: 0.92, seconds: 10 },
  { hosts: 16, vms: 120, fill: 0.95, seconds: 20 },
  { hosts: 64, vms: 600, fill: 0.95, seconds: 30 },
];

const solver = highsSolver(await loadHighs());
const withHbal = hasHbal();
if (!withHbal) console.log('hbal is absent: apt install ganeti-htools');

for (const shape of SHAPES) {
  compare(`New pool, ${nameOf(shape)}`, formulate(poolOf(shape), EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT).problem, shape.seconds);
  compare(`VMs added to a running pool, ${nameOf(shape)}`, grown({ ...shape, shared: true }), shape.seconds);
}

function compare(title: string, problem: Problem, solverSeconds: number): void {
  const table = new Table(title, [
    ['', 28],
    ['left out', -8],
    ['GiB moved', -9],
    ['largest load', -12],
    ['CPU s', -7],
  ]);
  const tell = (who: string, solution: Solution | undefined, seconds: number) => {
    if (solution === undefined) {
      table.row(who, 'nothing', 'found', '', seconds.toFixed(2));
      return;
    }
    const { bytesMoved, loads } = measure(problem, solution);
    const out = solution.vmHost.reduce((sum, host) => sum + Number(host < 0), 0);
    table.row(who, out, (bytesMoved / GIB).toFixed(2), `${loads[0] ?? 0} %`, seconds.toFixed(2));
  };
  const greedy = timed(() => greedyAround(withoutMoves(problem)));
  tell('greedy filter-and-score', greedy.result, greedy.seconds);
  if (withHbal) {
    const balanced = balanceWithHbal(problem, greedy.result.vmHost);
    const again = balanced && timed(() => greedyAround(withoutMoves(problem, placed(problem, balanced.vmHost)), balanced.vmHost));
    tell('greedy, hbal, greedy', again?.result, greedy.seconds + (balanced?.seconds ?? 0) + (again?.seconds ?? 0));
  }
  const begun = cpuSeconds();
  const shouldStop = () => cpuSeconds() - begun > solverSeconds;
  const monolithic = timed(() => solveMonolithically(problem, solver, { nodes: 20_000, shouldStop }));
  tell(`monolithic HiGHS, ${solverSeconds} s`, monolithic.result && placed(problem, monolithic.result), monolithic.seconds);
  const quick = timed(() => solve(problem));
  tell('PXEN, quick', quick.result.solution, quick.seconds);
  const start = cpuSeconds();
  const proven = timed(() => prove(problem, quick.result, solver, { nodes: 20_000, onProgress: () => undefined, shouldStop: () => cpuSeconds() - start > solverSeconds }));
  tell(`PXEN, with proof, ${solverSeconds} s`, proven.result.solution, quick.seconds + proven.seconds);
  const { out, bytesMoved, loads } = proven.result.bounds;
  table.row('nobody can do better than', out.reduce((sum, count) => sum + count, 0), (bytesMoved / GIB).toFixed(2), `${loads[0] ?? 0} %`);
}

/** A pool that runs the first of its VMs, up to 88 % of its memory, where the planner had put them; the others are new. */
function grown(shape: PoolShape): Problem {
  const model = poolOf(shape);
  const running = model.vms.slice(0, Math.round((shape.vms * FILL_BEFORE) / shape.fill));
  const before = formulate({ ...model, vms: running }, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT);
  const { vmHost } = solve(before.problem).solution;
  const where = Object.fromEntries(before.vms.flatMap(({ model: { name } }, vm) => (at(vmHost, vm) < 0 ? [] : [[name, before.hosts[at(vmHost, vm)]?.model.name ?? '']])));
  const disks = Object.fromEntries(Object.keys(where).map((name) => [`${name}/root`, { storage: 'nas' }]));
  const inventory: Inventory = { hosts: {}, disks, running: where };
  return formulate(model, inventory, { assignments: where, disks }, { maxMoves: Infinity, stops: 'never' }).problem;
}

/** Greedy placement of those that run nowhere yet, around those in `vmHost`. */
function greedyAround(problem: Problem, vmHost?: Int32Array): Solution {
  const packing = new Packing(problem);
  const order = placingOrder(problem);
  vmHost?.forEach((host, vm) => {
    if (host >= 0 && at(packing.vmHost, vm) < 0) packing.tryAdd(vm, host);
  });
  placeGreedily(packing, order, unitsOf(problem, order), 'even');
  return packing.solution();
}

/** With each disk where the packing would put it. */
function placed(problem: Problem, vmHost: Int32Array): Solution {
  const packing = new Packing(problem);
  vmHost.forEach((host, vm) => {
    if (host >= 0 && at(packing.vmHost, vm) < 0) packing.tryAdd(vm, host);
  });
  return packing.solution();
}

function nameOf({ hosts, vms, fill }: PoolShape): string {
  return `${hosts}×${vms} at ${Math.round(fill * 100)} %`;
}
