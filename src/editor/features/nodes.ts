/** The nodes of a parsed document: by path, by position, and as plain values. */

import { isMap, isNode, isScalar, isSeq, type Document, type Node, type Pair, type Scalar } from 'yaml';
import type { SpecPath } from '../../backend/drive/places';
import type { TextRange } from './edits';

/** What stands at a position. */
export interface Spot {
  readonly path: SpecPath;
  /** Whether the position is on the key that leads to `path`, or in the value. */
  readonly part: 'key' | 'value';
  /** The key or the value itself, as far inside as there are nodes. */
  readonly node: Node;
}

/** The innermost node that holds `offset`, a position right behind it included; undefined between nodes. */
export function spotAt(document: Document.Parsed, offset: number): Spot | undefined {
  const root: unknown = document.contents;
  return isNode(root) ? spotIn(root, [], offset) : undefined;
}

function spotIn(node: Node, path: SpecPath, offset: number): Spot | undefined {
  if (!holds(node, offset)) return undefined;
  if (isMap(node)) {
    const inside = (key: unknown) => [...path, isScalar(key) ? String(key.value) : ''];
    // Keys first: a block's range reaches to the key on the line below it.
    for (const { key } of node.items) if (isNode(key) && holds(key, offset)) return { path: inside(key), part: 'key', node: key };
    for (const { key, value } of node.items) {
      const found = isNode(value) ? spotIn(value, inside(key), offset) : undefined;
      if (found) return found;
    }
  }
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      const found = isNode(item) ? spotIn(item, [...path, index], offset) : undefined;
      if (found) return found;
    }
  }
  return { path, part: 'value', node };
}

/** The node's own characters, without the blanks and breaks behind it. */
export function rangeOf(node: Node): TextRange {
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

function holds(node: Node, offset: number): boolean {
  const { start, end } = rangeOf(node);
  return start <= offset && offset <= end;
}

/** The value at `path`, and the pair it belongs to when its parent is a map. */
export function descend(root: unknown, path: SpecPath): { readonly node: Node | undefined; readonly pair: Pair | undefined } {
  let node = root;
  let pair: Pair | undefined;
  for (const step of path) {
    pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step)) : undefined;
    node = pair ? pair.value : isSeq(node) ? node.items[Number(step)] : undefined;
  }
  return { node: isNode(node) ? node : undefined, pair };
}

/** A scalar's text, numbers and booleans as JavaScript writes them; undefined for anything else. */
export function textOf(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  const { value } = node;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The items of the list at `path` that are scalars, with their indices. */
export function scalarItems(root: unknown, path: SpecPath): readonly { readonly index: number; readonly scalar: Scalar; readonly text: string }[] {
  const { node } = descend(root, path);
  if (!isSeq(node)) return [];
  return node.items.flatMap((scalar, index) => {
    const text = textOf(scalar);
    return isScalar(scalar) && text !== undefined ? [{ index, scalar, text }] : [];
  });
}

/** How many items the list at `path` has. */
export function itemCount(root: unknown, path: SpecPath): number {
  const { node } = descend(root, path);
  return isSeq(node) ? node.items.length : 0;
}

/** The value as JSON would have it, without what `leaveOut` picks; aliases are undefined. Never throws, whatever the document holds. */
export function plainValue(node: unknown, leaveOut: (node: unknown) => boolean = () => false): unknown {
  if (leaveOut(node)) return undefined;
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return node.items.map((item) => plainValue(item, leaveOut));
  if (!isMap(node)) return undefined;
  const entries = node.items.filter(({ key }) => isScalar(key) && !leaveOut(key)).map(({ key, value }): [string, unknown] => [isScalar(key) ? String(key.value) : '', plainValue(value, leaveOut)]);
  return Object.fromEntries(entries);
}

/** Keys and indices on the way to the last of `nodes`; a key belongs to its map. */
export function pathTo(nodes: readonly unknown[]): SpecPath {
  const path: (string | number)[] = [];
  for (const [index, node] of nodes.entries()) {
    const next = nodes[index + 1];
    if (typeof node !== 'object' || node === null || next === undefined) continue;
    if ('items' in node && !isMap(node) && Array.isArray(node.items)) path.push(node.items.indexOf(next));
    if ('key' in node && next === (node as { readonly value?: unknown }).value && isScalar(node.key)) path.push(String(node.key.value));
  }
  return path;
}

/** The document that holds `offset`, a position between two belonging to the first. */
export function documentAt<T extends { readonly yaml: Document.Parsed }>(documents: readonly T[], offset: number): T | undefined {
  return documents.find(({ yaml }) => offset <= yaml.range[2] && offset >= yaml.range[0]);
}
