/** Kinds, keys and items: what is missing is added, what is too much is taken away. */

import { isMap } from 'yaml';
import type { SpecPath } from '../../../backend/drive/places';
import type { SpecKind } from '../../../backend/drive/schemaTree';
import { kindOfFile } from '../../../backend/drive/specFile';
import { nearest } from '../../../backend/drive/suggest';
import { replace } from '../edits';
import { isObject, keysAt, missingKeys, shapeAt } from '../shape';
import { add, remove, rewrite, type Context, type Fix } from './context';
import { exampleText } from './examples';

const KINDS: readonly SpecKind[] = ['Cluster', 'Host', 'VM'];

export function kindMissing({ file, document, text }: Context): readonly Fix[] {
  const kind = kindOfFile(file) ?? 'VM';
  if (!isMap(document.yaml.contents)) return [];
  const [root] = document.yaml.contents.range;
  if (text[root] === '{') return [{ title: `Add "kind: ${kind}"`, edits: [replace({ file, start: root + 1, end: root + 1 }, `kind: ${kind}, `)], preferred: true }];
  return [{ title: `Add "kind: ${kind}"`, edits: [replace({ file, start: root, end: root }, `kind: ${kind}\n`)], preferred: true }];
}

export function kindUnknown(context: Context): readonly Fix[] {
  const expected = kindOfFile(context.file) ?? nearest(context.written, KINDS);
  return [...KINDS].sort((a, b) => Number(b === expected) - Number(a === expected)).map((kind) => rewrite(context, kind, { preferred: kind === expected }));
}

/** Into a file of its own; the whole file moves where it holds nothing else. */
export function kindMisplaced(context: Context): readonly Fix[] {
  const { drive, file, document, kind } = context;
  const name = document.name ?? 'new';
  const to = kind === 'Cluster' ? 'pxen.yaml' : kind === 'Host' ? `hosts/${name}.host.yaml` : `vms/${name}.vm.yaml`;
  const meant = kindOfFile(file);
  const asMeant = meant ? [rewrite(context, meant)] : [];
  if (drive.files.has(to)) return asMeant;
  const alone = drive.files.get(file)?.spec.documents.length === 1;
  const move: Fix = alone ? { title: `Move this file to ${to}`, edits: [{ kind: 'rename', file, to }] } : { title: `Move this document to ${to}`, edits: [replace({ file, ...documentRange(context) }, ''), { kind: 'create', file: to, text: document.text }] };
  return [move, ...asMeant];
}

export function removeDocument(context: Context): readonly Fix[] {
  return [{ title: 'Remove this document', edits: [replace({ file: context.file, ...documentRange(context) }, '')] }];
}

export function keyUnknown(context: Context): readonly Fix[] {
  const { kind, spot, data, written } = context;
  const parent = spot.path.slice(0, -1);
  const meant = kind && nearest(written, keysAt(kind, parent, data).keys());
  return [...(meant === undefined ? [] : [rewrite(context, meant, { preferred: true })]), ...remove(context, spot.path, `Remove ${written}`, meant === undefined)];
}

/** Each by itself, and all together when there are several. */
export function keyMissing(context: Context): readonly Fix[] {
  const { kind, data, problem, spot } = context;
  if (!kind) return [];
  const path = ownerPath(kind, spot.path, spot.part, data);
  const key = /^"([^"]+)"/.exec(problem.message)?.[1];
  const all = missingKeys(kind, path, data);
  if (key === undefined || !all.includes(key)) return [];
  const entry = (missing: string): readonly [string, string] => [missing, exampleText(context, [...path, missing])];
  const text = entry(key)[1];
  return [...add(context, path, [entry(key)], `Add "${key}: ${text.length > 60 ? '…' : text}"`, true), ...(all.length > 1 ? add(context, path, all.map(entry), `Add all missing keys: ${all.join(', ')}`) : [])];
}

export function keyConflict(context: Context): readonly Fix[] {
  return remove(context, context.spot.path, `Remove ${context.written}`);
}

/** A label's key in the letters it may have. */
export function keyMalformed(context: Context): readonly Fix[] {
  const key = context.written.replace(/^["']|["']$/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return [...(key === '' ? [] : [rewrite(context, key, { preferred: true })]), ...remove(context, context.spot.path, `Remove ${context.written}`)];
}

export function removeItem(context: Context): readonly Fix[] {
  return remove(context, context.spot.path, `Remove ${context.written}`);
}

/** A map is blamed at its key, or at its first key where it has none. */
function ownerPath(kind: SpecKind, path: SpecPath, part: 'key' | 'value', data: unknown): SpecPath {
  if (part === 'value') return path;
  const schema = shapeAt(kind, path, data);
  return schema && isObject(schema) && missingKeys(kind, path, data).length > 0 ? path : path.slice(0, -1);
}

/** With the mark that separates it from its neighbour. */
function documentRange({ drive, file, document, text }: Context): { readonly start: number; readonly end: number } {
  const documents = drive.files.get(file)?.spec.documents ?? [];
  const index = documents.indexOf(document);
  const start = index === 0 ? 0 : document.yaml.range[0];
  const next = documents[index + 1];
  if (!next) return { start, end: text.length };
  // The first document's successor begins with `---`, which nothing then precedes.
  const end = next.yaml.range[0];
  return { start, end: index === 0 ? end + (/^---[ \t]*\r?\n/.exec(text.slice(end))?.[0].length ?? 0) : end };
}
