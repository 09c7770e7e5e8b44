/** What the parts of the continuous program of a conflict share. */

import { at } from '../packing';
import type { Problem } from '../problem';
import type { Held } from '../requirements';
import type { HostGroup } from './hostGroups';
import type { RivalClass } from './rivalClasses';
import type { StandingRows } from './standingRows';

export interface Parts {
  readonly problem: Problem;
  /** The one left out. */
  readonly vm: number;
  readonly held: Held;
  readonly rows: StandingRows;
  readonly groups: readonly HostGroup[];
  readonly classes: readonly RivalClass[];
  /** By group: the column of how much of the left-out VM is there. */
  readonly own: ReadonlyMap<number, number>;
  /** By class and group: the column of how many are there. */
  readonly on: readonly ReadonlyMap<number, number>[];
}

/** Of the columns those of groups without the host. */
export function elsewhere({ groups }: Parts, columns: ReadonlyMap<number, number>, host: number): number[] {
  return [...columns].flatMap(([group, column]) => (at(groups, group).hosts.includes(host) ? [] : [column]));
}
