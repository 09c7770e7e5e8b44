/** YAML as specs use it, from YAML as it may be. */

import { isAlias, isMap, isNode, isScalar, isSeq, visit, type Node, type Pair, type YAMLMap } from 'yaml';
import { lineStart, nextLine, replace, type FileEdit } from '../edits';
import { plainValue, rangeOf, textOf } from '../nodes';
import { flowText, scalarText } from '../shape';
import { rewrite, writtenOf, type Context, type Fix } from './context';
import { removal } from './structure';

/** Two blanks for each tab before a line's first character, in the whole file: YAML stops at the first. */
export function tab({ file, text }: Context): readonly Fix[] {
  const edits = [...text.matchAll(/^[ \t]*\t[ \t]*/gm)].map(({ index, 0: blanks }) => replace({ file, start: index, end: index + blanks.length }, blanks.replaceAll('\t', '  ')));
  return [{ title: 'Indent the whole file with spaces', edits, preferred: true }];
}

/** The pair that stands here, not the first one of its name. */
export function duplicateKey({ file, text, document, range }: Context): readonly Fix[] {
  let found: FileEdit | undefined;
  visit(document.yaml, {
    Map: (_key, map) => {
      if (!isMap(map)) return;
      const index = map.items.findIndex(({ key }) => isNode(key) && rangeOf(key).start === range.start);
      const pair = map.items[index];
      if (!pair || !isNode(pair.key)) return;
      const end = isNode(pair.value) ? rangeOf(pair.value).end : range.end;
      if (map.flow === true) {
        const previous = map.items[index - 1];
        const start = isNode(previous?.value) ? rangeOf(previous.value).end : range.start;
        found = replace({ file, start, end }, '');
      } else {
        found = replace({ file, start: lineStart(text, range.start), end: text.slice(0, end).endsWith('\n') ? end : nextLine(text, end) }, '');
      }
    },
  });
  return found ? [{ title: `Remove the second "${text.slice(range.start, range.end)}"`, edits: [found] }] : [];
}

/** Each alias becomes what its anchor names, where that fits on one line; the anchor's mark goes. */
export function alias(context: Context): readonly Fix[] {
  const { document, text, file } = context;
  const values = new Map<string, string>();
  const edits: (FileEdit | undefined)[] = [];
  visit(document.yaml, {
    Node: (_key, node) => {
      const { start, end } = rangeOf(node);
      if (isScalar(node) && node.value === '<<') {
        // A merged map's keys are written out first, which is the merge key's fix.
        edits.push(undefined);
      } else if (isAlias(node)) {
        const value = values.get(node.source);
        edits.push(value === undefined ? undefined : replace({ file, start, end }, value));
      } else if (node.anchor !== undefined) {
        const value = text.slice(start, end);
        if (!/[\r\n*&]/.test(value)) values.set(node.anchor, value);
        edits.push(values.has(node.anchor) ? withoutMark(context, node) : undefined);
      }
    },
  });
  const possible = edits.filter((edit) => edit !== undefined);
  return possible.length > 0 && possible.length === edits.length ? [{ title: 'Write the values out, without anchors', edits: possible }] : [];
}

function withoutMark({ file, text }: Context, node: Node): FileEdit | undefined {
  const { start } = rangeOf(node);
  const mark = text.lastIndexOf(`&${node.anchor ?? ''}`, start);
  return mark < 0 ? undefined : replace({ file, start: mark, end: start }, '');
}

/** `<<: *base` becomes the keys of `base` that the map doesn't have; the anchor's mark goes with its last alias. */
export function mergeKey(context: Context): readonly Fix[] {
  const { document, file, text, range } = context;
  const merged: { readonly map: YAMLMap; readonly pair: Pair }[] = [];
  const anchors = new Map<string, Node>();
  const uses = new Map<string, number>();
  visit(document.yaml, {
    Node: (_key, node) => {
      const pair = isMap(node) ? node.items.find(({ key }) => isNode(key) && rangeOf(key).start === range.start) : undefined;
      if (isMap(node) && pair) merged.push({ map: node, pair });
      if (isAlias(node)) uses.set(node.source, (uses.get(node.source) ?? 0) + 1);
      else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  const [found] = merged;
  if (!found || !isNode(found.pair.value)) return [];
  const { map, pair: { value } } = found;
  const aliases = (isSeq(value) ? value.items : [value]).filter((item) => isAlias(item));
  const bases = aliases.map(({ source }) => anchors.get(source));
  if (bases.length === 0 || !bases.every((base) => isMap(base))) return [];
  // Own keys win over merged ones, earlier maps over later ones (yaml.org/type/merge).
  const keys = new Map<string, string>();
  const own = new Set(map.items.map(({ key }) => textOf(key)));
  for (const base of bases) for (const item of base.items) {
    const key = textOf(item.key);
    if (key !== undefined && !own.has(key) && !keys.has(key)) keys.set(key, `${scalarText(key)}: ${flowText(plainValue(item.value))}`);
  }
  const [start, end] = [range.start, rangeOf(value).end];
  const indent = ' '.repeat(start - lineStart(text, start));
  const written = [...keys.values()].join(map.flow === true ? ', ' : `\n${indent}`);
  const edit = keys.size === 0 ? removal(writtenOf(context), [...context.spot.path.slice(0, -1), '<<']) : { start, end, text: written };
  const marks = aliases.flatMap(({ source }) => {
    const base = anchors.get(source);
    return base && uses.get(source) === 1 ? (withoutMark(context, base) ?? []) : [];
  });
  return edit ? [{ title: 'Write the merged keys out', edits: [replace({ file, ...edit }, edit.text), ...marks], preferred: true }] : [];
}

/** The tag stands before the value it is of. */
export function tag({ file, text, range }: Context): readonly Fix[] {
  const line = text.slice(lineStart(text, range.start), range.end);
  const found = /![^\s,[\]{}]*\s+(?=[^!]*$)/.exec(line);
  if (!found) return [];
  const start = lineStart(text, range.start) + found.index;
  return [{ title: `Remove ${found[0].trim()}`, edits: [replace({ file, start, end: start + found[0].length }, '')], preferred: true }];
}

export function leadingZero(context: Context): readonly Fix[] {
  const { written, spot } = context;
  const number = isScalar(spot.node) ? textOf(spot.node) : undefined;
  return [rewrite(context, JSON.stringify(written)), ...(number === undefined ? [] : [rewrite(context, number)])];
}

export function boolean(context: Context): readonly Fix[] {
  const meant = /^(?:y|yes|on|true)$/i.test(context.written.replace(/^["']|["']$/g, ''));
  return [rewrite(context, String(meant), { preferred: true })];
}
