/** YAML as specs use it, from YAML as it may be. */

import { isAlias, isMap, isNode, isScalar, visit } from 'yaml';
import { lineStart, nextLine, replace, type FileEdit } from '../edits';
import { rangeOf, textOf } from '../nodes';
import { rewrite, type Context, type Fix } from './context';

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
export function alias({ document, text, file }: Context): readonly Fix[] {
  const values = new Map<string, string>();
  const edits: (FileEdit | undefined)[] = [];
  visit(document.yaml, {
    Node: (_key, node) => {
      const { start, end } = rangeOf(node);
      if (isAlias(node)) {
        const value = values.get(node.source);
        edits.push(value === undefined ? undefined : replace({ file, start, end }, value));
      } else if (node.anchor !== undefined) {
        const value = text.slice(start, end);
        const mark = text.lastIndexOf(`&${node.anchor}`, start);
        if (!/[\r\n*&]/.test(value)) values.set(node.anchor, value);
        edits.push(mark < 0 || !values.has(node.anchor) ? undefined : replace({ file, start: mark, end: start }, ''));
      }
    },
  });
  const possible = edits.filter((edit) => edit !== undefined);
  return possible.length > 0 && possible.length === edits.length ? [{ title: 'Write the values out, without anchors', edits: possible }] : [];
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
