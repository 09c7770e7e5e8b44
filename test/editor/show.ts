/** Answers of features as text. */

import { LineIndex } from '../../src/backend/drive/text';
import { completionsAt } from '../../src/editor/features/completion';
import { lineEnd, lineStart, type FileEdit, type TextRange } from '../../src/editor/features/edits';
import type { EditorDrive } from '../../src/editor/features/editorDrive';
import { hoverAt } from '../../src/editor/features/hover';
import { definitionsAt, referencesAt, renameable, renameAt } from '../../src/editor/features/navigation';
import { driveSymbols, outlineOf, type OutlineSymbol } from '../../src/editor/features/outline';
import { applied, textsOf, type AtCursor } from './cursor';

/** The lines that an item changes, after it was accepted, with `|` at the cursor and `⏎` for line breaks. */
export function completions({ drive, file, text, offset }: AtCursor): string {
  return completionsAt(drive, file, offset)
    .map(({ sort, label, detail, range, text: inserted, cursor = inserted.length }) => {
      const before = text.slice(lineStart(text, range.start), range.start);
      const after = text.slice(range.end, lineEnd(text, range.end));
      const line = `${before}${inserted.slice(0, cursor)}|${inserted.slice(cursor)}${after}`.replaceAll('\n', '⏎');
      return `${sort} ${label}${detail === undefined ? '' : ` (${detail})`} → ${line}\n`;
    })
    .join('');
}

export function hover({ drive, file, text, offset }: AtCursor): string {
  const found = hoverAt(drive, file, offset);
  return found ? `[${text.slice(found.range.start, found.range.end)}]\n${found.markdown}\n` : 'nothing\n';
}

export function navigation({ drive, file, offset }: AtCursor): string {
  const definitions = definitionsAt(drive, file, offset);
  const references = referencesAt(drive, file, offset, { withDefinition: false });
  return [...definitions.map((place) => `defined ${at(drive, place)}\n`), ...references.map((place) => `used ${at(drive, place)}\n`)].join('') || 'nothing\n';
}

/** Renames what is at the cursor to `new-name`. */
export function renaming({ drive, file, text, offset }: AtCursor): string {
  const target = renameable(drive, file, offset);
  if ('refusal' in target) return `refused: ${target.refusal}\n`;
  const answer = renameAt(drive, file, offset, 'new-name');
  if ('refusal' in answer) return `refused: ${answer.refusal}\n`;
  return `${text.slice(target.start, target.end)} → new-name\n${answer.caution === undefined ? '' : `caution: ${answer.caution}\n`}${changes(drive, answer.edits)}`;
}

export function outline({ drive, file, text }: AtCursor): string {
  const tree = (symbols: readonly OutlineSymbol[], indent: string): string =>
    symbols.map((symbol) => `${indent}${symbol.sort} ${symbol.name}${symbol.detail === '' ? '' : ` (${symbol.detail})`} at "${text.slice(symbol.selection.start, symbol.selection.end)}"\n${tree(symbol.children, `${indent}  `)}`).join('');
  return `${tree(outlineOf(drive, file), '')}drive: ${driveSymbols(drive).map(({ sort, name, container }) => `${sort} ${name} (${container})`).join(', ')}\n`;
}

/** Changed lines only, before and after, as a diff shows them. */
export function changes(drive: EditorDrive, edits: readonly FileEdit[]): string {
  const before = textsOf(drive);
  const after = applied(before, edits);
  const files = [...new Set([...before.keys(), ...after.keys()])].sort().filter((file) => before.get(file) !== after.get(file));
  return files.map((file) => `@ ${file}\n${difference(before.get(file), after.get(file))}`).join('');
}

function difference(before: string | undefined, after: string | undefined): string {
  const lines = (text: string | undefined) => (text === undefined || text === '' ? [] : text.replace(/\n$/, '').split('\n'));
  const [old, now] = [lines(before), lines(after)];
  if (old.length === now.length) return old.flatMap((line, index) => (line === now[index] ? [] : `- ${line}\n+ ${now[index] ?? ''}\n`)).join('');
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const [removed, added] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
  return [...removed.map((line) => `- ${line}\n`), ...added.map((line) => `+ ${line}\n`)].join('');
}

function at(drive: EditorDrive, { file, start, end }: TextRange & { readonly file: string }): string {
  const text = drive.files.get(file)?.text ?? '';
  const { line, column } = new LineIndex(text).at(start);
  return `${file}:${line}:${column} ${text.slice(start, end)}`;
}
