/** What can be written at the cursor: (drive, file, offset) → items. */

import type { SpecPath } from '../../backend/drive/places';
import type { SchemaNode, SpecKind } from '../../backend/drive/schemaTree';
import { cursorAt, type Cursor } from './cursor';
import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { describe, flowText, isObject, itemShape, keysAt, missingKeys, shapeAt, valueAt } from './shape';
import { documentTemplates } from './templates';
import { valuesFor, type Proposal } from './values';

export interface Completion {
  readonly label: string;
  readonly sort: 'key' | 'value' | 'unit' | 'reference' | 'snippet';
  /** A few words beside the label. */
  readonly detail?: string;
  /** Markdown. */
  readonly documentation?: string;
  readonly range: TextRange;
  /** Takes the range's place; its line breaks are followed by the whole indentation. */
  readonly text: string;
  /** Where the cursor goes in `text`; its end when absent. */
  readonly cursor?: number;
  /** What typed words are compared with; the label when absent. */
  readonly filter?: string;
  /** Whether what was just inserted is itself worth completing. */
  readonly goesOn: boolean;
}

/** Best first. Never throws, whatever the text. */
export function completionsAt(drive: EditorDrive, file: string, offset: number): readonly Completion[] {
  const text = drive.files.get(file)?.text;
  const cursor = text === undefined ? undefined : cursorAt(file, text, offset);
  return cursor ? offered(proposedAt(drive, file, cursor), cursor.typed) : [];
}

/** A wrong word is replaced by any good one: when nothing begins like it, what was typed decides nothing. */
function offered(items: readonly Completion[], typed: string): readonly Completion[] {
  if (items.some(({ filter, label }) => isIn(typed, filter ?? label))) return items;
  return items.map((item) => ({ ...item, filter: typed }));
}

/** Whether the letters stand in the word in this order, as editors compare them. */
function isIn(letters: string, word: string): boolean {
  let position = -1;
  return Array.from(letters.toLowerCase()).every((letter) => (position = word.toLowerCase().indexOf(letter, position + 1)) >= 0);
}

function proposedAt(drive: EditorDrive, file: string, cursor: Cursor): readonly Completion[] {
  const { kind, path, slot, data } = cursor;
  if (path.length === 0 && isBare(data)) return [...documentTemplates(cursor, drive, file), ...(kind ? keyCompletions(kind, cursor, data) : [])];
  if (kind === undefined) return [];
  const schema = shapeAt(kind, path, data);
  if (!schema) return [];
  // Where a scalar or a list belongs, a lone word is that, even though it could become a key.
  if (slot === 'key' && isObject(schema)) return keyCompletions(kind, cursor, data);
  return valueCompletions(drive, file, kind, schema, cursor);
}

function keyCompletions(kind: SpecKind, cursor: Cursor, data: unknown): readonly Completion[] {
  const { path, range } = cursor;
  const required = new Set(missingKeys(kind, path, data));
  const present = valueAt(data, path);
  const keys = [...keysAt(kind, path, data)].filter(([key]) => typeof present !== 'object' || present === null || !Object.hasOwn(present, key));
  return keys
    .sort(([a], [b]) => Number(required.has(b)) - Number(required.has(a)))
    .map(([key, schema]) => ({
      label: key,
      sort: 'key' as const,
      ...(required.has(key) && { detail: 'required' }),
      documentation: describe(kind, schema),
      range,
      ...keyText(kind, key, schema, cursor),
      goesOn: !cursor.colonFollows && !cursor.valueFollows,
    }));
}

/** A key with what its value needs to be begun. */
function keyText(kind: SpecKind, key: string, schema: SchemaNode, { inFlow, column, colonFollows, valueFollows }: Cursor): { readonly text: string; readonly cursor?: number } {
  if (colonFollows) return { text: key };
  if (valueFollows) return { text: `${key}:` };
  const inner = `\n${' '.repeat(column + 2)}`;
  const around = (open: string, close: string) => ({ text: `${key}: ${open}${close}`, cursor: key.length + 2 + open.length });
  if (schema.type === 'array') {
    const item = itemShape(kind, schema);
    if (item && isObject(item)) return inFlow ? around('[{', '}]') : { text: `${key}:${inner}- ` };
    return around('[', ']');
  }
  if (isObject(schema)) return inFlow ? around('{', '}') : { text: `${key}:${inner}` };
  return { text: `${key}: ` };
}

function valueCompletions(drive: EditorDrive, file: string, kind: SpecKind, schema: SchemaNode, cursor: Cursor): readonly Completion[] {
  const blank = cursor.needsBlank ? ' ' : '';
  if (schema.type === 'array') return listCompletions(drive, file, kind, schema, cursor);
  if (isObject(schema)) return objectCompletions(kind, cursor.path, schema, cursor);
  return valuesFor({ drive, file, kind, path: cursor.path, data: cursor.data, schema, typed: cursor.typed }).map((proposal) => completion(proposal, cursor, blank));
}

function completion({ value, sort, detail, documentation }: Proposal, { range }: Cursor, before: string): Completion {
  const text = before + value;
  return {
    label: value,
    sort,
    ...(detail !== undefined && { detail }),
    ...(documentation !== undefined && documentation !== '' && { documentation }),
    range,
    text,
    ...(before !== '' && { filter: before + value }),
    goesOn: false,
  };
}

/** A whole list: in brackets, or on the lines below. */
function listCompletions(drive: EditorDrive, file: string, kind: SpecKind, schema: SchemaNode, cursor: Cursor): readonly Completion[] {
  const { range, path, startsLine, needsBlank, inFlow, typed } = cursor;
  const blank = needsBlank ? ' ' : '';
  const documentation = describe(kind, schema);
  const item = itemShape(kind, schema);
  const base = { sort: 'snippet' as const, documentation, range, goesOn: true, ...(typed !== '' && { filter: typed }) };
  if (startsLine) return [{ ...base, label: '- …', text: '- ' }];
  const single = item && !isObject(item) ? valuesFor({ drive, file, kind, path: [...path, 0], data: cursor.data, schema: item, typed: '' }) : [];
  const inBrackets = `${blank}[${item && isObject(item) ? '{}' : ''}]`;
  return [
    { ...base, label: '[…]', text: inBrackets, cursor: inBrackets.length - (item && isObject(item) ? 2 : 1) },
    ...(inFlow ? [] : [{ ...base, label: '- …', detail: 'one item a line', range: behindColon(cursor), text: `\n${' '.repeat(keyColumn(cursor) + 2)}- ` }]),
    ...single.map((proposal) => completion({ ...proposal, value: `[${proposal.value}]` }, cursor, blank)),
  ];
}

/** A whole map with the keys it must have: in braces, or on the lines below. */
function objectCompletions(kind: SpecKind, path: SpecPath, schema: SchemaNode, cursor: Cursor): readonly Completion[] {
  const { range, needsBlank, inFlow, typed, data } = cursor;
  const blank = needsBlank ? ' ' : '';
  const documentation = describe(kind, schema);
  const base = { sort: 'snippet' as const, documentation, range, goesOn: true, ...(typed !== '' && { filter: typed }) };
  const examples = (schema.examples ?? []).concat(schema.default === undefined ? [] : [schema.default]).filter((example) => typeof example === 'object' && example !== null && Object.keys(example).length > 0);
  const required = missingKeys(kind, path, data).map((key) => `${key}: `);
  const braces = `${blank}{${required[0] ?? ''}}`;
  return [
    ...examples.map((example) => ({ ...base, label: flowText(example), text: blank + flowText(example), goesOn: false })),
    { ...base, label: '{…}', text: braces, cursor: braces.length - 1 },
    ...(inFlow || typeof path.at(-1) === 'number' ? [] : [{ ...base, label: 'keys below', detail: 'one key a line', range: behindColon(cursor), text: `\n${' '.repeat(keyColumn(cursor) + 2)}` }]),
  ];
}

/** Column of the key that stands before the word, on the same line. */
function keyColumn({ path, column, needsBlank }: Cursor): number {
  const key = path.findLast((step) => typeof step === 'string') ?? '';
  return Math.max(0, column - key.length - (needsBlank ? 1 : 2));
}

/** The word with the blanks before it, which would be left at the line's end. */
function behindColon({ range, blanksBefore }: Cursor): TextRange {
  return { start: range.start - blanksBefore, end: range.end };
}

/** Whether a document says nothing yet but perhaps its kind. */
function isBare(data: unknown): boolean {
  return typeof data !== 'object' || data === null || Object.keys(data).length === 0;
}
