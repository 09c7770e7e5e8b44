/** The question of `patterns.ts` for a problem: its scarcest row, when the hosts are all alike in it and nothing is fixed there. */

import type { Ensemble } from '../bounds';
import { at, Packing } from '../packing';
import { LOAD_STEPS, type Problem, type Solution } from '../problem';
import { RowTable } from '../rowTable';
import { commonUnit } from './assignment';
import type { PatternQuestion } from './patterns';

/** What is counted: hosts in use, or those that reach the last of these steps while no more than `reach` reach each one before. */
export type CountedHosts = { readonly kind: 'in use' } | { readonly kind: 'loads'; readonly steps: readonly number[]; readonly reach: readonly number[] };

/** Without `least`, `reached` and `shouldStop`; undefined when patterns have nothing to say. */
export function hostPatterns(problem: Problem, ensemble: Ensemble, best: Solution, counted: CountedHosts): Omit<PatternQuestion, 'least' | 'reached' | 'shouldStop'> | undefined {
  const table = new RowTable(problem);
  const hosts = Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => at(problem.hostAvailable, host) === 1);
  const vms = ensemble.certain();
  const row = scarcestRow(table, hosts, vms, counted);
  const first = hosts[0];
  if (row === undefined || first === undefined) return undefined;
  const empty = new Packing(problem, 'lifted');
  const limit = (step: number) => (counted.kind === 'in use' ? table.capacity(first, row) : table.limit(first, row, step));
  if (hosts.some((host) => table.capacity(host, row) !== table.capacity(first, row) || table.limit(host, row, 1) !== table.limit(first, row, 1) || table.used(empty, host, row) > 0)) return undefined;
  const byLoad = new Map<number, number[]>();
  for (const vm of vms) {
    const load = at(table.load, vm * table.rows + row);
    if (load > 0) byLoad.set(load, [...(byLoad.get(load) ?? []), vm]);
  }
  const unit = commonUnit([...byLoad.keys()]);
  const steps = counted.kind === 'in use' ? [LOAD_STEPS] : counted.steps;
  const groups = counted.kind === 'in use' ? [limit(LOAD_STEPS)] : [limit(at(steps, 0)), ...steps.map((step) => limit(step - 1))];
  const members = [...byLoad.values()];
  return {
    kinds: [...byLoad].map(([load, { length: count }]) => ({ load: load / unit, count })),
    groups: groups.map((group) => Math.floor(group / unit)),
    reach: counted.kind === 'in use' ? [] : counted.reach,
    hosts: hosts.length,
    known: hosts.map((host) => members.map((list) => list.filter((vm) => at(best.vmHost, vm) === host).length)).filter((pattern) => pattern.some((amount) => amount > 0)),
  };
}

/** The row whose sum comes closest to what all hosts offer; for loads only rows that count. */
function scarcestRow(table: RowTable, hosts: readonly number[], vms: readonly number[], counted: CountedHosts): number | undefined {
  let [scarcest, most] = [undefined as number | undefined, 0];
  for (let row = 0; row < table.rows; row++) {
    if (counted.kind === 'loads' && !at(table.balanced, row)) continue;
    const offered = hosts.reduce((sum, host) => sum + table.capacity(host, row), 0);
    const share = vms.reduce((sum, vm) => sum + at(table.load, vm * table.rows + row), 0) / offered;
    if (Number.isFinite(share) && share > most) [scarcest, most] = [row, share];
  }
  return scarcest;
}
