/** How many columns the continuous program of a conflict would have, before any is made. */

import { at } from '../packing';
import type { Problem } from '../problem';
import type { Held } from '../requirements';
import type { HostGroup } from './hostGroups';
import type { RivalClass } from './rivalClasses';

export interface Counted {
  readonly problem: Problem;
  /** The one left out. */
  readonly vm: number;
  readonly held: Held;
  readonly classes: readonly RivalClass[];
}

/** Whether it has no more than `most` with these groups of hosts. What is counted is never less than what is made. */
export function hasColumnsWithin(most: number, counted: Counted, groups: readonly HostGroup[]): boolean {
  let columns = beyondClasses(counted, groups);
  for (const { hosts, isFixed, disks } of counted.classes) {
    const movable = isFixed ? 0 : disks.filter((disk) => at(counted.problem.diskVolume, disk) < 0).length;
    // Of a disk where there is a choice of arrays, as many columns again.
    for (const group of groups) if (hosts[at(group.hosts, 0)] === 1) columns += 1 + (group.slots.length > 1 ? movable * group.slots.length : 0);
    if (columns > most) return false;
  }
  return columns <= most;
}

/** Where the left-out VM is, what it takes there and with whom it shares it; where groups are, and who has moved. */
function beyondClasses({ problem, vm, held, classes }: Counted, groups: readonly HostGroup[]): number {
  const slots = groups.reduce((sum, group) => sum + group.slots.length, 0);
  const perRequirement = held.own.map((own) => {
    if (own.kind === 'row' || own.kind === 'apart') return groups.length;
    if (own.kind === 'volume') return slots;
    if (own.kind === 'disk') return at(problem.diskVolume, own.disk) < 0 ? slots : 1;
    if (own.kind === 'moves') return classes.length + 1;
    return own.kind === 'pin' ? 1 : 0;
  });
  const together = new Set([vm, ...held.others].map((one) => at(problem.vmTogether, one)).filter((number) => number >= 0));
  return groups.length * (1 + together.size) + perRequirement.reduce((sum, columns) => sum + columns, 0);
}
