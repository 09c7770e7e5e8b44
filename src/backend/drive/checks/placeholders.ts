/**
 * Values of a new drive that nobody has replaced. As it was made, such a drive is good for a lab and for looking at plans, and
 * nothing is told. It is meant for machines as soon as one value is theirs, or there is an image for them to boot.
 */

import { isPlaceholder, type PlaceholderKind } from '../placeholders';
import * as problems from '../problems';
import type { Problem } from '../problems';
import type { SpecPath } from '../places';
import type { SpecPool } from './pool';

export function placeholderProblems(pool: SpecPool): readonly Problem[] {
  let isForMachines = (pool.surroundings.images ?? []).length > 0;
  const left: (() => Problem)[] = [];
  for (const { model, places } of pool.hosts) {
    const look = (kind: PlaceholderKind, value: string, path: SpecPath) => {
      if (isPlaceholder[kind](value)) left.push(() => problems.placeholderLeft(places.value(path), kind, value));
      else isForMachines = true;
    };
    for (const [index, mac] of model.macs.entries()) look('mac', mac, ['macs', index]);
    for (const [index, { uuid, members }] of model.arrays.entries()) {
      look('uuid', uuid, ['arrays', index, 'uuid']);
      for (const [member, serial] of members.entries()) look('serial', serial, ['arrays', index, 'members', member]);
    }
  }
  return isForMachines ? left.map((tell) => tell()) : [];
}
