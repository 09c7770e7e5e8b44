/** RAID levels and their members. */

import type { RaidLevel } from '../model';
import * as problems from '../problems';
import type { Problem } from '../problems';
import type { SpecPool } from './pool';

export function arrayProblems(pool: SpecPool): readonly Problem[] {
  return pool.hosts.flatMap(({ model, places }) =>
    model.arrays.flatMap(({ level, members }, index) => {
      const needed = LEAST_MEMBERS[level];
      return members.length < needed ? problems.arrayMembers(places.value(['arrays', index, 'members']), level, members.length, needed) : [];
    }),
  );
}

/** The fewest members with which a level is what its name says (md(4)). */
const LEAST_MEMBERS: Readonly<Record<RaidLevel, number>> = { raid0: 2, raid1: 2, raid4: 3, raid5: 3, raid6: 4, raid10: 2 };
