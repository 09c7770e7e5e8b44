/**
 * Vector bin packing by the product's planner with the goal `consolidate`: hosts are bins, the dimensions their rows. The published instances are the three
 * sets of the Vectorpack project (Panigrahy, New, Triplet), each with the best number of bins that any of its 300-odd heuristics found for it
 * (`best_overall` in its `*_summary_known.csv`; C. Mommessin, T. Erlebach, N. Shakhlevich, *Classification and evaluation of the algorithms
 * for vector bin packing*, Computers & Operations Research, 2025). `publicInstances.ts` says where to get them.
 *
 * By default the first of each class, size and dimension; `PXEN_ALL_INSTANCES=1` runs them all.
 */

import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { consolidate } from '../../src/backend/placement/consolidate';
import { placingOrder, unitsOf } from '../../src/backend/placement/order';
import { Packing } from '../../src/backend/placement/packing';
import { solve } from '../../src/backend/placement/solve';
import { filesBelow, instancesOf } from './publicInstances';
import { Table, timed } from './table';
import { enoughBins, problemOf, readVectorPacking } from './vectorPacking/instance';

/** Steps of the search for each host that it tries to empty, after the quick plan. */
const STEPS = 1_000_000;
const SETS = ['Panigrahy', 'New', 'Triplet'] as const;

interface Known {
  readonly lowerBound: number;
  readonly bestHeuristic: number;
}

const folder = instancesOf('vectorpack');
if (folder !== undefined) {
  const all = process.env['PXEN_ALL_INSTANCES'] !== undefined;
  const table = new Table(`Bins: the quick plan, the search (${STEPS.toLocaleString('en')} steps a host), the best of the published heuristics, the published lower bound, summed over the instances of a class`, [
    ['set', 9],
    ['class', 7],
    ['instances', -9],
    ['quick', -6],
    ['search', -6],
    ['best heuristic', -14],
    ['bound', -6],
    ['fewer', -5],
    ['more', -4],
    ['CPU s', -7],
  ]);
  let [worse, better, count] = [0, 0, 0];
  for (const set of SETS) {
    const known = knownBins(readFileSync(`${folder}/${set}_summary_known.csv`, 'utf8'));
    const files = filesBelow(folder, '.vbp').filter((file) => relative(folder, file).startsWith(`${set}_`) && (all || file.endsWith('_0.vbp')));
    const classOf = (file: string) => basename(file).split('_')[0] ?? '';
    for (const name of [...new Set(files.map(classOf))].sort()) {
      const results = files.filter((file) => classOf(file) === name).map((file) => ({ ...packed(file), ...published(known, basename(file, '.vbp')) }));
      const sum = (value: (result: (typeof results)[number]) => number) => results.reduce((total, result) => total + value(result), 0);
      const [fewer, more] = [results.filter(({ bins, bestHeuristic }) => bins < bestHeuristic).length, results.filter(({ bins, bestHeuristic }) => bins > bestHeuristic).length];
      [worse, better, count] = [worse + more, better + fewer, count + results.length];
      table.row(set, name, results.length, sum(({ quick }) => quick), sum(({ bins }) => bins), sum(({ bestHeuristic }) => bestHeuristic), sum(({ lowerBound }) => lowerBound), fewer, more, sum(({ seconds }) => seconds).toFixed(1));
    }
  }
  console.log(`${count} instances: fewer bins than the best heuristic on ${better}, as many on ${count - better - worse}, more on ${worse} (target: none)`);
}

function packed(file: string): { readonly quick: number; readonly bins: number; readonly seconds: number } {
  const instance = readVectorPacking(readFileSync(file, 'utf8'));
  const problem = problemOf(instance, enoughBins(instance));
  const { result, seconds } = timed(() => {
    const quick = solve(problem).solution;
    const packing = new Packing(problem);
    packing.load(quick);
    const order = placingOrder(problem);
    consolidate(packing, { order, units: unitsOf(problem, order), allows: () => true, steps: STEPS });
    return { quick, searched: packing.solution() };
  });
  checkPacking(file, instance.items, instance.bin, result.searched.vmHost);
  return { quick: new Set(result.quick.vmHost).size, bins: new Set(result.searched.vmHost).size, seconds };
}

/** Throws when an item is in no bin, or a bin holds more than it can. */
function checkPacking(file: string, items: readonly (readonly number[])[], bin: readonly number[], binOf: Int32Array): void {
  const used = new Map<number, number[]>();
  items.forEach((sizes, item) => {
    const host = binOf[item] ?? -1;
    if (host < 0) throw new Error(`${file}: item ${item} is in no bin.`);
    used.set(host, sizes.map((size, dimension) => size + (used.get(host)?.[dimension] ?? 0)));
  });
  for (const [host, sums] of used) if (sums.some((sum, dimension) => sum > (bin[dimension] ?? 0))) throw new Error(`${file}: bin ${host} holds ${sums.join(', ')}.`);
}

function published(known: ReadonlyMap<string, Known>, name: string): Known {
  const one = known.get(name);
  if (one === undefined) throw new Error(`The summary doesn't know ${name}.`);
  return one;
}

function knownBins(table: string): Map<string, Known> {
  const [heading = '', ...rows] = table.trim().split('\n');
  const columns = heading.split('\t');
  const [name, bound, best] = ['instance_name', 'LB', 'best_overall'].map((column) => columns.indexOf(column)) as [number, number, number];
  return new Map(rows.map((row) => row.split('\t')).map((cells) => [cells[name] ?? '', { lowerBound: Number(cells[bound]), bestHeuristic: Number(cells[best]) }]));
}
