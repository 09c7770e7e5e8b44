/**
 * Formatting: two blanks a level, one blank where YAML wants one, no blanks at the ends of lines. Only blanks and blank lines
 * change, so that comments, order, quotes and styles stay as their author wrote them; comments at the ends of lines keep
 * their column where they can.
 */

import { CST, Lexer, parseAllDocuments, Parser } from 'yaml';
import { MAX_SPEC_BYTES } from '../../backend/drive/specFile';
import { LineIndex } from '../../backend/drive/text';
import { deepNesting } from '../../backend/drive/yamlProblems';
import { plainValue } from './nodes';

export interface FormatEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Changes line by line; none for a text that isn't valid YAML. */
export function formatEdits(text: string): readonly FormatEdit[] {
  if (text.length > MAX_SPEC_BYTES || deepNesting(text) || !isValid(text)) return [];
  const lines = linesOf(text);
  const formatted = withoutBlankRuns(lines, indented(lines, wantedColumns(text, lines)));
  const edits = lines.flatMap((line, index) => {
    const now = formatted[index];
    if (now === undefined) return [{ start: line.start, end: line.next, text: '' }];
    return now === line.text ? [] : [{ start: line.start, end: line.end, text: now }];
  });
  const last = lines.at(-1);
  const lastNow = formatted.at(-1);
  // A last line that stays gets its line break; one that goes leaves that of the line before it.
  const endless = last !== undefined && lastNow !== undefined && last.text !== '' && last.next === last.end;
  const all = endless ? [...edits.filter(({ start }) => start !== last.start), { start: last.start, end: last.end, text: `${lastNow}\n` }] : edits;
  // The last word has YAML itself: a change that would alter a meaning isn't made.
  return meansTheSame(text, applied(text, all)) ? all : [];
}

interface Lexeme {
  readonly type: CST.TokenType | null;
  readonly start: number;
  readonly source: string;
}

interface Line {
  readonly start: number;
  /** Before the line break. */
  readonly end: number;
  /** Behind it. */
  readonly next: number;
  readonly text: string;
  /** That begin here. */
  readonly lexemes: Lexeme[];
  /** The line where a scalar began that goes on here; undefined for a line of its own. */
  insideFrom: number | undefined;
}

function linesOf(text: string): readonly Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < text.length || start === 0; ) {
    const found = /\r\n|\r|\n/.exec(text.slice(start));
    const end = found ? start + found.index : text.length;
    const next = found ? end + found[0].length : end;
    lines.push({ start, end, next, text: text.slice(start, end), lexemes: [], insideFrom: undefined });
    if (next === start) break;
    start = next;
  }
  let position = 0;
  let index = 0;
  let plainNext = false;
  let header: number | undefined;
  for (const source of new Lexer().lex(text)) {
    if (source === CST.DOCUMENT || source === CST.FLOW_END || source === CST.SCALAR) {
      plainNext = source === CST.SCALAR;
      continue;
    }
    const type = plainNext ? 'scalar' : CST.tokenType(source);
    plainNext = false;
    while (index < lines.length - 1 && position >= (lines[index]?.next ?? Infinity)) index += 1;
    const block = header !== undefined && type === 'scalar';
    if (!block) lines[index]?.lexemes.push({ type, start: position, source });
    for (let inside = block ? index : index + 1; (lines[inside]?.start ?? Infinity) < position + source.length && type !== 'newline' && type !== 'space'; inside += 1) {
      const line = lines[inside];
      if (line) line.insideFrom = block ? header : index;
    }
    if (type === 'block-scalar-header') header = index;
    else if (type !== 'newline' && type !== 'space' && type !== 'comment') header = undefined;
    position += source.length;
  }
  return lines;
}

/** The column of each line that begins with a key, a dash or a bracket of a block; lines inside flow collections follow from theirs. */
function wantedColumns(text: string, lines: readonly Line[]): ReadonlyMap<number, number> {
  const columns = new Map<number, number>();
  const lineIndex = new LineIndex(text);
  const want = (offset: number, column: number) => {
    const index = lineIndex.at(offset).line - 1;
    const line = lines[index];
    if (line && text.slice(line.start, offset).trim() === '') columns.set(index, column);
  };
  const walk = (token: CST.Token | null | undefined, column: number) => {
    if (token?.type === 'block-map') {
      for (const { start, key, sep, value } of token.items) {
        const first = start.find(({ type }) => type === 'explicit-key-ind' || type === 'anchor' || type === 'tag')?.offset ?? key?.offset ?? sep?.find(({ type }) => type === 'map-value-ind')?.offset;
        if (first !== undefined) want(first, column);
        if (value && 'offset' in value) want(value.offset, column + INDENT);
        walk(value, column + INDENT);
      }
    } else if (token?.type === 'block-seq') {
      for (const { start, value } of token.items) {
        const dash = start.find(({ type }) => type === 'seq-item-ind')?.offset;
        if (dash !== undefined) want(dash, column);
        if (value && 'offset' in value && value.type !== 'block-map' && value.type !== 'block-seq') want(value.offset, column + INDENT);
        walk(value, column + INDENT);
      }
    }
  };
  for (const token of new Parser().parse(text)) {
    if (token.type !== 'document') continue;
    if (token.value && 'offset' in token.value) want(token.value.offset, 0);
    walk(token.value, 0);
  }
  return columns;
}

const INDENT = 2;

function indented(lines: readonly Line[], columns: ReadonlyMap<number, number>): readonly string[] {
  const now: number[] = [];
  /** For each open flow collection, the column that its lines are measured from. */
  const open: number[] = [];
  return lines.map((line, index) => {
    const before = indentOf(line.text);
    if (line.insideFrom !== undefined) {
      const from = lines[line.insideFrom];
      const shift = (now[line.insideFrom] ?? 0) - indentOf(from?.text ?? '');
      now.push(Math.max(0, before + shift));
      return line.text.trim() === '' ? line.text : ' '.repeat(Math.max(0, before + shift)) + line.text.slice(before);
    }
    const words = line.lexemes.filter(({ type }) => type !== 'space' && type !== 'newline');
    const [first] = words;
    const base = open.at(-1);
    const column = columns.get(index) ?? (base === undefined ? (first?.type === 'comment' ? commentColumn(lines, columns, index) : before) : first && isClosing(first) ? base : base + INDENT);
    now.push(column);
    for (const word of words) {
      if (word.type === 'flow-map-start' || word.type === 'flow-seq-start') open.push(column + (/^(?:-\s+)+/.exec(line.text.trimStart())?.[0].length ?? 0));
      else if (isClosing(word)) open.pop();
    }
    return words.length === 0 ? '' : ' '.repeat(column) + joined(line, words, column);
  });
}

/** A comment goes with the line below it that it stands in line with, else with one above; else it stays. */
function commentColumn(lines: readonly Line[], columns: ReadonlyMap<number, number>, index: number): number {
  const own = indentOf(lines[index]?.text ?? '');
  let below = index + 1;
  while (below < lines.length && !columns.has(below)) below += 1;
  let above = index - 1;
  while (above >= 0 && !(columns.has(above) && indentOf(lines[above]?.text ?? '') === own)) above -= 1;
  const alike = columns.has(below) && indentOf(lines[below]?.text ?? '') === own ? below : above;
  return columns.get(alike) ?? own;
}

/** The words of one line with the blanks that belong between them. */
function joined(line: Line, words: readonly Lexeme[], column: number): string {
  let text = '';
  for (const [index, word] of words.entries()) {
    const previous = words[index - 1];
    if (!previous) text = firstLine(word);
    else if (word.type === 'comment') text += ' '.repeat(Math.max(1, word.start - line.start - column - text.length)) + word.source;
    else text += (isApart(previous, word) ? ' ' : '') + firstLine(word);
  }
  return text.trimEnd();
}

/** A scalar over several lines continues on lines of its own. */
function firstLine({ source }: Lexeme): string {
  return source.split(/[\r\n]/, 1)[0] ?? '';
}

function isApart(before: Lexeme, after: Lexeme): boolean {
  const wasApart = before.start + before.source.length < after.start;
  if (after.type === 'comma' || isClosing(after) || before.type === 'flow-map-start' || before.type === 'flow-seq-start') return false;
  if (after.type === 'map-value-ind') return before.type === 'alias' || before.type === 'explicit-key-ind';
  if (before.type === 'comma' || before.type === 'map-value-ind' || before.type === 'seq-item-ind') return true;
  return wasApart;
}

function isClosing({ type }: Lexeme): boolean {
  return type === 'flow-map-end' || type === 'flow-seq-end';
}

/** One blank line at a time, none at the end; undefined for lines that go. Inside texts, blank lines are text. */
function withoutBlankRuns(lines: readonly Line[], formatted: readonly string[]): readonly (string | undefined)[] {
  const isBlank = (index: number) => formatted[index] === '' && lines[index]?.insideFrom === undefined;
  const lastText = formatted.findLastIndex((_, index) => !isBlank(index));
  return formatted.map((text, index) => (isBlank(index) && (index > lastText || isBlank(index - 1)) && (lines[index]?.next ?? 0) > (lines[index]?.start ?? 0) && index > 0 ? undefined : text));
}

function indentOf(text: string): number {
  return /^[ \t]*/.exec(text)?.[0].length ?? 0;
}

function isValid(text: string): boolean {
  return parse(text).every(({ errors }) => errors.length === 0);
}

function meansTheSame(before: string, after: string): boolean {
  const meaning = (text: string) => JSON.stringify([parse(text).map(({ contents }) => plainValue(contents)), commentsOf(text)]);
  return isValid(after) && meaning(before) === meaning(after);
}

function commentsOf(text: string): readonly string[] {
  return [...new Lexer().lex(text)].filter((lexeme) => CST.tokenType(lexeme) === 'comment').map((comment) => comment.trimEnd());
}

function parse(text: string) {
  return [...parseAllDocuments(text, { version: '1.2', prettyErrors: false, logLevel: 'silent' })];
}

function applied(text: string, edits: readonly FormatEdit[]): string {
  let result = '';
  let position = 0;
  for (const { start, end, text: inserted } of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(position, start) + inserted;
    position = end;
  }
  return result + text.slice(position);
}
