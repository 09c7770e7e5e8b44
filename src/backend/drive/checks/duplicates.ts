/** Things that may exist once only: names, MAC addresses, UUIDs, member disks, mounts. Each place names the other. */

import { deriveNicMac } from '../identity';
import * as problems from '../problems';
import type { Problem } from '../problems';
import type { Place } from '../text';
import type { SpecPool } from './pool';

export function duplicateProblems(pool: SpecPool): readonly Problem[] {
  return [...names(pool), ...macs(pool), ...uuids(pool), ...members(pool), ...mounts(pool)];
}

/** One use of a key: where, and by whom. Places are looked up only for what clashes, since nearly nothing does. */
export interface Use {
  readonly key: string;
  readonly place: () => Place;
  readonly owner: string;
}

/** What `tell` says of each use of a key that others use too, given the first of the others. */
export function clashes(uses: Iterable<Use>, tell: (use: Use, other: Use) => Problem): readonly Problem[] {
  const all = [...uses];
  // Nearly always there are none: that much is found out without a list for each key.
  const seen = new Set<string>();
  const repeated = new Set(all.filter(({ key }) => seen.size === seen.add(key).size).map(({ key }) => key));
  if (repeated.size === 0) return [];
  const byKey = new Map<string, Use[]>([...repeated].map((key) => [key, []]));
  for (const use of all) byKey.get(use.key)?.push(use);
  return [...byKey.values()].flatMap((same) => {
    const [first, second] = same;
    return first && second ? same.map((use) => tell(use, use === first ? second : first)) : [];
  });
}

function names(pool: SpecPool): readonly Problem[] {
  const tell = (what: string) => (use: Use, other: Use) => problems.nameDuplicate(use.place(), what, use.key, pool.describe(other.place()));
  const documents = (kind: 'Host' | 'VM') =>
    pool.documents.filter((document) => document.kind === kind).flatMap(({ name, places }) => (name === undefined ? [] : { key: name, place: () => places.value(['name']), owner: name }));
  const inOne = (what: string, items: readonly { readonly name: string }[], place: (index: number) => Place) =>
    items.length < 2 ? [] : clashes(items.map(({ name }, index) => ({ key: name, place: () => place(index), owner: name })), tell(what));
  return [
    ...clashes(documents('Host'), tell('host')),
    ...clashes(documents('VM'), tell('VM')),
    ...pool.clusters.flatMap(({ model, places }) => inOne('storage', model.storage, (index) => places.value(['storage', index, 'name']))),
    ...pool.hosts.flatMap(({ model, places }) => inOne('array', model.arrays, (index) => places.value(['arrays', index, 'name']))),
    ...pool.vms.flatMap(({ model, places }) => inOne('disk', model.disks, (index) => places.value(['disks', index, 'name']))),
  ];
}

function macs(pool: SpecPool): readonly Problem[] {
  const written: Use[] = [
    ...pool.hosts.flatMap(({ model, places }) => model.macs.map((mac, index) => ({ key: mac, place: () => places.value(['macs', index]), owner: `host ${model.name}` }))),
    ...pool.vms.flatMap(({ model, places }) => model.nics.flatMap(({ mac }, index) => (mac === undefined ? [] : { key: mac, place: () => places.value(['nics', index, 'mac']), owner: `VM ${model.name}` }))),
  ];
  const clashing = clashes(written, (use, other) => problems.macDuplicate(use.place(), use.key, other.owner, pool.describe(other.place())));
  return [...clashing, ...derivedMacs(pool, written)];
}

/** A derived address has 24 bits of its own: rarely, two cards get the same, and one of them must be given another. */
function derivedMacs(pool: SpecPool, written: readonly Use[]): readonly Problem[] {
  const { driveId } = pool.surroundings;
  if (driveId === undefined) return [];
  const owners = new Map(written.map(({ key, owner }) => [key, owner]));
  const found: Problem[] = [];
  for (const { model, places } of pool.vms) {
    for (const [index, { mac }] of model.nics.entries()) {
      if (mac !== undefined) continue;
      const derived = deriveNicMac(driveId, model.name, index);
      const owner = owners.get(derived);
      if (owner !== undefined) found.push(problems.derivedMacDuplicate(places.owner(['nics', index]), derived, owner));
      else owners.set(derived, `VM ${model.name}`);
    }
  }
  return found;
}

function uuids(pool: SpecPool): readonly Problem[] {
  const tell = (use: Use, other: Use) => problems.uuidDuplicate(use.place(), use.key, other.owner, pool.describe(other.place()));
  return [
    ...clashes(arraysOf(pool).map(({ array, place, owner }) => ({ key: array.uuid, place: () => place('uuid'), owner })), tell),
    ...clashes(pool.vms.flatMap(({ model, places }) => (model.uuid === undefined ? [] : { key: model.uuid, place: () => places.value(['uuid']), owner: `VM ${model.name}` })), tell),
  ];
}

function members(pool: SpecPool): readonly Problem[] {
  const uses = arraysOf(pool).flatMap(({ array, place, owner }) => array.members.map((serial, index) => ({ key: serial, place: () => place('members', index), owner })));
  return clashes(uses, (use, other) => problems.memberDuplicate(use.place(), use.key, other.owner, pool.describe(other.place())));
}

/** An array mounted inside another would vanish under it, or hide a part of it, depending on who comes first. */
function mounts(pool: SpecPool): readonly Problem[] {
  return pool.hosts.flatMap(({ model, places }) =>
    model.arrays.flatMap((array, index) => {
      const other = model.arrays.findIndex(({ mount }, otherIndex) => otherIndex !== index && overlap(mount, array.mount));
      const otherName = model.arrays[other]?.name;
      if (otherName === undefined) return [];
      return problems.mountOverlap(places.value(mountPath(index, places)), array.mount, otherName, pool.describe(places.value(mountPath(other, places))));
    }),
  );
}

/** Where a mount follows from the array's name, the name is what there is to change. */
function mountPath(index: number, places: SpecPool['hosts'][number]['places']) {
  const mount = ['arrays', index, 'mount'] as const;
  return places.written(mount) === undefined ? (['arrays', index, 'name'] as const) : mount;
}

function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

function arraysOf(pool: SpecPool) {
  return pool.hosts.flatMap(({ model, places }) =>
    model.arrays.map((array, index) => ({
      array,
      owner: `array ${array.name} of host ${model.name}`,
      place: (...path: readonly (string | number)[]) => places.value(['arrays', index, ...path]),
    })),
  );
}
