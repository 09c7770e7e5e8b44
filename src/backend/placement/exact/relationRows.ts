/** `apart` and `together` as rows of the continuous program of a conflict. */

import { at } from '../packing';
import { apartBy, apartCliques } from './apartCliques';
import type { Parts } from './requirementParts';
import { heldOf, listOf } from './standingRows';

/** On each host at most one of VMs that must all be apart; where what runs breaks the rule already, it stays. */
export function keepApart(parts: Parts): void {
  const { problem, vm, held, rows, groups } = parts;
  const isApart = apartBy(problem.vmApart);
  const waived = (a: number, b: number) => (a === vm && heldOf(held, 'apart', { from: b }) === undefined) || (b === vm && heldOf(held, 'apart', { from: a }) === undefined);
  const concerned = [vm, ...held.others].filter((one) => at(problem.vmApart, one).length > 0).sort((a, b) => a - b);
  const columnsOn = columnsOfSingles(parts);
  // How much the left-out VM shares a group with another: nothing, by the row that stands for that requirement.
  const shared = new Map<string, number>();
  const sharing = (from: number, group: number): number => {
    const known = shared.get(`${from} ${group}`);
    if (known !== undefined) return known;
    const column = rows.column(1);
    const own = heldOf(held, 'apart', { from });
    if (own !== undefined) rows.atMost([[column, 1]], 0, { own });
    shared.set(`${from} ${group}`, column);
    return column;
  };
  for (const clique of apartCliques(concerned, (a, b) => isApart(a, b) && !waived(a, b))) {
    groups.forEach(({ hosts }, group) => {
      const entries = clique.flatMap((one) => columnsOn(one, group).map((column) => [column, 1] as const));
      if (entries.length < 2) return;
      const most = hosts.reduce((sum, host) => sum + Math.max(1, clique.filter((one) => at(problem.vmFixedHost, one) === host).length), 0);
      const exceptions = clique.includes(vm) ? clique.filter((one) => one !== vm).map((from) => [sharing(from, group), -1] as const) : [];
      rows.atMost([...entries, ...exceptions], most);
    });
  }
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
