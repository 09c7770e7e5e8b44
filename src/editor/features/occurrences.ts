/** Where the things that a drive speaks of are defined, and where they are referred to: the one table that navigation, renaming and completion share. */

import { isMap, isScalar, type Node, type Scalar } from 'yaml';
import type { SpecPath } from '../../backend/drive/places';
import type { SpecKind } from '../../backend/drive/schemaTree';
import type { SpecDocument } from '../../backend/drive/specFile';
import type { TextRange } from './edits';
import { descend, itemCount, rangeOf, scalarItems, textOf } from './nodes';

export type Sort = 'cluster' | 'host' | 'vm' | 'storage' | 'array' | 'disk' | 'label' | 'bridge' | 'image' | 'file';

export interface Occurrence extends TextRange {
  /** The same for all occurrences of one thing: `host:node1`, `label:rack=a`, `array:node1/r0`. */
  readonly id: string;
  readonly sort: Sort;
  readonly name: string;
  /** The host of an array, the VM of a disk. */
  readonly owner?: string;
  readonly role: 'definition' | 'reference';
  readonly file: string;
  /** The key and the value of a label that is defined here. */
  readonly label?: { readonly key: TextRange; readonly value: TextRange };
}

/** What a scalar at this path refers to; undefined when it refers to nothing. A selector with `=` is a label, else a host. */
export function referenceSort(kind: SpecKind, path: SpecPath): Sort | undefined {
  return REFERENCES.find((reference) => reference.kind === kind && matches(reference.path, path))?.sort;
}

const ANY = Symbol('any index');

const REFERENCES: readonly { readonly kind: SpecKind; readonly path: readonly (string | typeof ANY)[]; readonly sort: Sort }[] = [
  { kind: 'Cluster', path: ['boot', 'image'], sort: 'image' },
  { kind: 'VM', path: ['placement', 'on', ANY], sort: 'host' },
  { kind: 'VM', path: ['placement', 'apart', ANY], sort: 'vm' },
  { kind: 'VM', path: ['placement', 'together', ANY], sort: 'vm' },
  { kind: 'VM', path: ['start', 'after', ANY], sort: 'vm' },
  { kind: 'VM', path: ['disks', ANY, 'storage'], sort: 'storage' },
  { kind: 'VM', path: ['disks', ANY, 'source'], sort: 'file' },
  { kind: 'VM', path: ['boot', 'kernel'], sort: 'file' },
  { kind: 'VM', path: ['boot', 'ramdisk'], sort: 'file' },
  { kind: 'VM', path: ['nics', ANY, 'bridge'], sort: 'bridge' },
];

function matches(pattern: readonly (string | typeof ANY)[], path: SpecPath): boolean {
  return pattern.length === path.length && pattern.every((step, index) => (step === ANY ? typeof path[index] === 'number' : step === path[index]));
}

/** All occurrences in one document, broken or not. */
export function occurrencesIn(document: SpecDocument): readonly Occurrence[] {
  const { file, kind, yaml } = document;
  const root: unknown = yaml.contents;
  if (kind === undefined || !isMap(root)) return [];
  return [...definitions(kind, root, file), ...references(kind, root, file)];
}

/** Identifies one thing of the drive. */
export function occurrenceId(sort: Sort, name: string, owner?: string): string {
  return owner === undefined ? `${sort}:${name}` : `${sort}:${owner}/${name}`;
}

function definitions(kind: SpecKind, root: Node, file: string): readonly Occurrence[] {
  const documentName = textOf(descend(root, ['name']).node);
  const named = (sort: Sort, path: SpecPath, owner?: string) => occurrence({ sort, role: 'definition', file, owner, node: descend(root, [...path, 'name']).node });
  const inList = (sort: Sort, list: string, owner?: string) => Array.from({ length: itemCount(root, [list]) }, (_, index) => named(sort, [list, index], owner)).flat();
  switch (kind) {
    case 'Cluster':
      return [...named('cluster', []), ...inList('storage', 'storage')];
    case 'Host':
      return [...named('host', []), ...inList('array', 'arrays', documentName ?? ''), ...labels(root, file)];
    case 'VM':
      return [...named('vm', []), ...inList('disk', 'disks', documentName ?? '')];
  }
}

function labels(root: Node, file: string): readonly Occurrence[] {
  const { node } = descend(root, ['labels']);
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) => {
    const [keyText, valueText] = [textOf(key), textOf(value)];
    if (!isScalar(key) || !isScalar(value) || keyText === undefined || valueText === undefined) return [];
    const label = { key: rangeOf(key), value: rangeOf(value) };
    const name = `${keyText}=${valueText}`;
    return { id: occurrenceId('label', name), sort: 'label' as const, name, role: 'definition' as const, file, start: label.key.start, end: label.value.end, label };
  });
}

function references(kind: SpecKind, root: Node, file: string): readonly Occurrence[] {
  return REFERENCES.filter((reference) => reference.kind === kind).flatMap(({ path, sort }) =>
    scalarsAt(root, path).flatMap((node) => occurrence({ sort: sort === 'host' && textOf(node)?.includes('=') === true ? 'label' : sort, role: 'reference', file, node })),
  );
}

function scalarsAt(root: Node, pattern: readonly (string | typeof ANY)[]): readonly Scalar[] {
  const any = pattern.indexOf(ANY);
  const plain = (path: readonly (string | typeof ANY)[]): string[] => path.filter((step) => typeof step === 'string');
  if (any === pattern.length - 1) return scalarItems(root, plain(pattern)).map(({ scalar }) => scalar);
  const paths = any < 0 ? [plain(pattern)] : Array.from({ length: itemCount(root, plain(pattern.slice(0, any))) }, (_, index): SpecPath => [...plain(pattern.slice(0, any)), index, ...plain(pattern.slice(any + 1))]);
  return paths.flatMap((path) => {
    const { node } = descend(root, path);
    return isScalar(node) ? [node] : [];
  });
}

function occurrence(found: { readonly sort: Sort; readonly role: Occurrence['role']; readonly file: string; readonly owner?: string | undefined; readonly node: unknown }): readonly Occurrence[] {
  const { sort, role, file, owner, node } = found;
  const name = textOf(node);
  if (!isScalar(node) || name === undefined || name === '') return [];
  return [{ id: occurrenceId(sort, name, owner), sort, name, ...(owner !== undefined && { owner }), role, file, ...rangeOf(node) }];
}
