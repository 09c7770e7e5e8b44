/** Symbols: the parts of one file as a tree, and the things of the whole drive by name. */

import { isMap } from 'yaml';
import type { SpecDocument } from '../../backend/drive/specFile';
import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { descend, itemCount, rangeOf, textOf } from './nodes';
import type { Occurrence, Sort } from './occurrences';
import { summaryOf } from './summary';

export interface OutlineSymbol {
  readonly name: string;
  readonly detail: string;
  readonly sort: Sort | 'section';
  readonly range: TextRange;
  /** Inside `range`. */
  readonly selection: TextRange;
  readonly children: readonly OutlineSymbol[];
}

export function outlineOf(drive: EditorDrive, file: string): readonly OutlineSymbol[] {
  return (drive.files.get(file)?.spec.documents ?? []).flatMap((document) => documentSymbol(document) ?? []);
}

/** Hosts, VMs, arrays, disks and storage, in order of their names, with what they are part of. */
export function driveSymbols(drive: EditorDrive): readonly (Occurrence & { readonly container: string })[] {
  return [...drive.occurrences.values()]
    .flat()
    .filter(({ role, sort }) => role === 'definition' && sort !== 'label')
    .map((occurrence) => ({ ...occurrence, container: occurrence.owner ?? summaryOf(drive, occurrence.sort, occurrence.name)?.line ?? '' }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function documentSymbol({ kind, yaml }: SpecDocument): OutlineSymbol | undefined {
  const root = yaml.contents;
  if (kind === undefined || !isMap(root)) return undefined;
  const name = descend(root, ['name']).node;
  const range = rangeOf(root);
  const sort = kind === 'Cluster' ? 'cluster' : kind === 'Host' ? 'host' : 'vm';
  const children = root.items.flatMap(({ key, value }): OutlineSymbol[] => {
    const [word, keyNode] = [textOf(key), key];
    const range = value ? { start: rangeOf(keyNode).start, end: rangeOf(value).end } : rangeOf(keyNode);
    if (word === undefined || word === 'kind' || word === 'name') return [];
    return [{ name: word, detail: textOf(value) ?? '', sort: 'section', range, selection: rangeOf(keyNode), children: listed(root, word) }];
  });
  return { name: textOf(name) ?? kind, detail: kind, sort, range, selection: name ? rangeOf(name) : { start: range.start, end: range.start }, children };
}

/** Arrays, disks and storage by their names. */
function listed(root: unknown, list: string): readonly OutlineSymbol[] {
  const sort = LISTS[list];
  if (sort === undefined) return [];
  return Array.from({ length: itemCount(root, [list]) }).flatMap((_, index) => {
    const item = descend(root, [list, index]).node;
    const name = descend(item, ['name']).node;
    const text = textOf(name);
    if (!item || !name || text === undefined) return [];
    return [{ name: text, detail: textOf(descend(item, ['size']).node ?? descend(item, ['capacity']).node) ?? '', sort, range: rangeOf(item), selection: rangeOf(name), children: [] }];
  });
}

const LISTS: Readonly<Partial<Record<string, Sort>>> = { arrays: 'array', disks: 'disk', storage: 'storage' };
