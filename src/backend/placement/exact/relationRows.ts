/** `apart` and `together` as rows of the continuous program of a conflict. */

import { at } from '../packing';
import type { Problem } from '../problem';
import { apartCliques, apartNeighbours } from './apartCliques';
import type { Parts } from './requirementParts';
import { heldOf, listOf } from './standingRows';

/** On each host at most one of VMs that must all be apart; where what runs breaks the rule already, it stays. */
export function keepApart(parts: Parts): void {
  const { problem, vm, held, rows, groups } = parts;
  const requirements = new Map(held.own.flatMap((own) => (own.kind === 'apart' ? [[own.from, own] as const] : [])));
  const counts = (a: number, b: number) => (a !== vm || requirements.has(b)) && (b !== vm || requirements.has(a));
  const neighbours = apartNeighbours(problem.vmApart, [vm, ...held.others], counts);
  const columnsOn = columnsOfSingles(parts);
  // How much the left-out VM shares a group with another: nothing, by the row that stands for that requirement.
  const shared = groups.map(() => new Map<number, number>());
  const sharing = (from: number, group: number): number => {
    const known = at(shared, group).get(from);
    if (known !== undefined) return known;
    const column = rows.column(1);
    const own = requirements.get(from);
    if (own !== undefined) rows.atMost([[column, 1]], 0, { own });
    at(shared, group).set(from, column);
    return column;
  };
  for (const clique of apartCliques(neighbours)) {
    const more = beyondOne(problem, clique);
    groups.forEach(({ hosts }, group) => {
      const entries = clique.flatMap((one) => columnsOn(one, group).map((column) => [column, 1] as const));
      if (entries.length < 2) return;
      const most = hosts.length + (more.size === 0 ? 0 : hosts.reduce((sum, host) => sum + (more.get(host) ?? 0), 0));
      const exceptions = clique.includes(vm) ? clique.filter((one) => one !== vm).map((from) => [sharing(from, group), -1] as const) : [];
      rows.atMost([...entries, ...exceptions], most);
    });
  }
}

/** By host, where there are any: how many more than one of these run there. */
function beyondOne({ vmFixedHost }: Problem, vms: readonly number[]): Map<number, number> {
  const more = new Map<number, number>();
  for (const host of vms.map((vm) => at(vmFixedHost, vm))) if (host >= 0) more.set(host, (more.get(host) ?? -1) + 1);
  return more;
}

/** A group is on one host, or on as many as what runs has torn it to; each of it is where the group is. */
export function keepTogether(parts: Parts): void {
  const { problem, vm, held, rows, groups } = parts;
  const own = heldOf(held, 'together');
  const members = new Map<number, number[]>();
  for (const one of [...(own === undefined ? [] : [vm]), ...held.others]) if (at(problem.vmTogether, one) >= 0) listOf(members, at(problem.vmTogether, one)).push(one);
  const columnsOn = columnsOfSingles(parts);
  for (const [, vms] of [...members].sort(([a], [b]) => a - b)) {
    if (vms.length < 2) continue;
    const places = Math.max(1, new Set(vms.map((one) => at(problem.vmFixedHost, one)).filter((host) => host >= 0)).size);
    const here = groups.map(() => rows.column(places));
    rows.atMost(here.map((column) => [column, 1] as const), places);
    for (const one of vms) groups.forEach((_, group) => columnsOn(one, group).forEach((column) => rows.atMost([[column, 1], [at(here, group), -1]], 0, one === vm && own !== undefined ? { own } : undefined)));
  }
}

/** VMs in relations are alone in their class. */
function columnsOfSingles({ vm, classes, own, on }: Parts): (one: number, group: number) => number[] {
  const classOf = new Map(classes.map(({ vms }, index) => [at(vms, 0), index]));
  return (one, group) => {
    const column = one === vm ? own.get(group) : on[classOf.get(one) ?? -1]?.get(group);
    return column === undefined ? [] : [column];
  };
}
