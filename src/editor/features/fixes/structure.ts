/** Changes of a document's structure as changes of its text: comments, order and style of all the rest stay as they are. */

import { isCollection, isMap, isNode, isPair, isScalar, isSeq, type Node } from 'yaml';
import type { SpecPath } from '../../../backend/drive/places';
import { lineEnd, lineStart, nextLine, type TextRange } from '../edits';
import { descend, rangeOf } from '../nodes';

/** One document's root node, and the text of its file. */
export interface Written {
  readonly text: string;
  readonly root: unknown;
}

export interface Change extends TextRange {
  readonly text: string;
}

/** Removes the pair or list item at `path`. A map or list that would be left empty goes too, or stays as an empty one. Undefined when it isn't there. */
export function removal(written: Written, path: SpecPath, whenEmpty: 'remove' | 'keep' = 'remove'): Change | undefined {
  const parentPath = path.slice(0, -1);
  const parent = descend(written.root, parentPath).node;
  if (!isCollection(parent)) return undefined;
  const entries: readonly unknown[] = parent.items;
  const index = isMap(parent) ? parent.items.findIndex(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1))) : Number(path.at(-1));
  const ranges = entries.map((entry) => entryRange(written.text, entry));
  const [before, own, after] = [ranges[index - 1], ranges[index], ranges[index + 1]];
  if (!own) return undefined;
  if (ranges.length === 1 && parentPath.length > 0) {
    if (whenEmpty === 'remove') return removal(written, parentPath);
    return { start: rangeOf(parent).start, end: wholeEnd(written.text, parent), text: isMap(parent) ? '{}' : '[]' };
  }
  if (parent.flow === true) return { ...(after ? { start: own.start, end: after.start } : before ? { start: before.end, end: own.end } : own), text: '' };
  const { text } = written;
  const start = lineStart(text, own.start);
  // The first key of a list's item shares its line with the dash, which the next key then needs.
  if (isMap(parent) && text.slice(start, own.start).includes('-') && after) return { start: own.start, end: after.start, text: '' };
  if (isSeq(parent) && /-.*-/.test(text.slice(start, own.start)) && after) return { start: own.start, end: after.start, text: '' };
  return { start, end: nextLine(text, own.end), text: '' };
}

/** Adds keys at the end of the map at `path`, which may be empty or not there yet. `entries` are keys with their values as YAML. Undefined where no map can be. */
export function addition(written: Written, path: SpecPath, entries: readonly (readonly [key: string, value: string])[]): Change | undefined {
  const { text, root } = written;
  const { node, pair } = descend(root, path);
  const flow = entries.map(([key, value]) => `${key}: ${value}`).join(', ');
  if (isMap(node) && node.items.length > 0) {
    const end = endOf(text, node);
    if (node.flow === true) return { start: end, end, text: `, ${flow}` };
    const first = node.items[0];
    const column = first && isNode(first.key) ? rangeOf(first.key).start - lineStart(text, rangeOf(first.key).start) : 0;
    return { ...afterLine(text, end), text: lines(text, entries.map(([key, value]) => `${' '.repeat(column)}${key}: ${value}`)) };
  }
  if (isMap(node)) return { start: rangeOf(node).start + 1, end: rangeOf(node).start + 1, text: flow };
  if (node && !(isScalar(node) && node.value === null)) return undefined;
  if (pair && isNode(pair.key)) {
    const { end } = rangeOf(pair.key);
    const colon = text.startsWith(':', end) ? end + 1 : end;
    return { start: colon, end: colon, text: ` {${flow}}` };
  }
  const key = path.at(-1);
  return typeof key === 'string' ? addition(written, path.slice(0, -1), [[key, `{${flow}}`]]) : undefined;
}

/** Adds an item at the end of the list at `path`, which may be empty or not there yet. Undefined where no list can be. */
export function itemAddition(written: Written, path: SpecPath, item: string): Change | undefined {
  const { text, root } = written;
  const { node } = descend(root, path);
  if (isSeq(node) && node.items.length > 0) {
    const last = node.items.at(-1);
    const end = isNode(last) ? wholeEnd(text, last) : rangeOf(node).end;
    if (node.flow === true) return { start: end, end, text: `, ${item}` };
    const first = node.items[0];
    const start = isNode(first) ? rangeOf(first).start : end;
    const dash = text.lastIndexOf('-', start);
    return { ...afterLine(text, end), text: lines(text, [`${' '.repeat(Math.max(0, dash - lineStart(text, start)))}- ${item}`]) };
  }
  if (isSeq(node)) return { start: rangeOf(node).start + 1, end: rangeOf(node).start + 1, text: item };
  const key = path.at(-1);
  return node || typeof key !== 'string' ? undefined : addition(written, path.slice(0, -1), [[key, `[${item}]`]]);
}

/** Behind the last thing in a node, whatever blanks and comments YAML counts to it; of a flow collection, before its bracket. */
export function endOf(text: string, node: Node): number {
  return (isCollection(node) ? entryRange(text, node.items.at(-1))?.end : undefined) ?? rangeOf(node).end;
}

/** From a pair's key to its value's end, or of a whole item. */
function entryRange(text: string, entry: unknown): TextRange | undefined {
  if (isPair(entry)) {
    if (!isNode(entry.key)) return undefined;
    const key = rangeOf(entry.key);
    const empty = !isNode(entry.value) || (isScalar(entry.value) && entry.value.value === null);
    return { start: key.start, end: empty ? key.end + (/^[ \t]*:/.exec(text.slice(key.end))?.[0].length ?? 0) : wholeEnd(text, entry.value as Node) };
  }
  return isNode(entry) ? { start: rangeOf(entry).start, end: wholeEnd(text, entry) } : undefined;
}

/** Of a flow collection, behind its bracket. */
function wholeEnd(text: string, node: Node): number {
  return isCollection(node) && node.flow !== true ? endOf(text, node) : rangeOf(node).end;
}

/** The start of the line below, or the text's end where there is none. */
function afterLine(text: string, offset: number): TextRange {
  const at = nextLine(text, lineEnd(text, offset));
  return { start: at, end: at };
}

function lines(text: string, added: readonly string[]): string {
  const breakBefore = text === '' || /[\r\n]$/.test(text) ? '' : '\n';
  return `${breakBefore}${added.join('\n')}\n`;
}
