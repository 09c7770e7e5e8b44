/** Answers of features as text. */

import { LineIndex } from '../../src/backend/drive/text';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { completionsAt } from '../../src/editor/features/completion';
import { lineEnd, lineStart, type FileEdit, type TextRange } from '../../src/editor/features/edits';
import type { EditorDrive } from '../../src/editor/features/editorDrive';
import { formatEdits } from '../../src/editor/features/format';
import { hintsIn } from '../../src/editor/features/hints';
import { hoverAt } from '../../src/editor/features/hover';
import { lensesOf } from '../../src/editor/features/lenses';
import { definitionsAt, referencesAt, renameable, renameAt } from '../../src/editor/features/navigation';
import { driveSymbols, outlineOf, type OutlineSymbol } from '../../src/editor/features/outline';
import { placementOf, placementProblems } from '../../src/editor/features/placement';
import { rewritesAt } from '../../src/editor/features/rewrites';
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

/** Blanks at the ends of lines as `·`. */
export function formatted({ file, text }: AtCursor): string {
  const edits = formatEdits(text).map((edit): FileEdit => ({ kind: 'replace', file, ...edit }));
  const after = applied(new Map([[file, text]]), edits).get(file) ?? '';
  return edits.length === 0 ? 'unchanged\n' : after.replace(/ +$/gm, (blanks) => '·'.repeat(blanks.length));
}

/** Lenses of the file, and the problems that only a plan can tell. */
export function placement({ drive, file, text }: AtCursor): string {
  const { model } = drive.checked;
  if (!model) return 'the specs have errors\n';
  const placed = placementOf(model, planPlacement(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT), NO_PREVIOUS_PLACEMENT);
  const lenses = lensesOf(drive, file, placed).map(({ range, title }) => `${text.slice(range.start, range.end)}: ${title}\n`);
  const problems = placementProblems(drive, placed).map((problem) => `${problem.severity} ${problem.code} ${at(drive, problem)}\n${problem.message.replace(/^/gm, '  ')}\n${problem.related.map((related) => `  related ${at(drive, related)}: ${related.message}\n`).join('')}`);
  return [...lenses, ...problems].join('');
}

/** What is offered at the cursor although nothing is wrong there. */
export function rewrites({ drive, file, offset }: AtCursor): string {
  const found = rewritesAt(drive, file, { start: offset, end: offset });
  return found.map(({ title, edits }) => `${title}\n${changes(drive, edits)}`).join('') || 'nothing\n';
}

export function hints({ drive, file, text }: AtCursor): string {
  const found = hintsIn(drive, file, { start: 0, end: text.length });
  return found.map(({ offset, label }) => `${text.slice(lineStart(text, offset), offset)}«${label}»${text.slice(offset, lineEnd(text, offset))}\n`).join('') || 'nothing\n';
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
