/**
 * What is being written at the cursor. A marker takes the place of the word there, and the text is parsed again: whatever the
 * state of the rest, YAML's own rules say what the marker is.
 */

import { isScalar, Lexer, CST, parseAllDocuments, visit, type Document, type Node } from 'yaml';
import type { SpecPath } from '../../backend/drive/places';
import type { SpecKind } from '../../backend/drive/schemaTree';
import { kindOfFile, MAX_SPEC_BYTES } from '../../backend/drive/specFile';
import { deepNesting } from '../../backend/drive/yamlProblems';
import { lineEnd, lineStart, type TextRange } from './edits';
import { pathTo, plainValue } from './nodes';
import { valueAt } from './shape';

export interface Cursor {
  readonly kind: SpecKind | undefined;
  /** Of the map a key is written in, or of the value itself. */
  readonly path: SpecPath;
  readonly slot: 'key' | 'value';
  /** The word that is replaced, on the cursor's line. */
  readonly range: TextRange;
  /** The word up to the cursor. */
  readonly typed: string;
  /** The document without what is being written. */
  readonly data: unknown;
  readonly inFlow: boolean;
  /** Column, from 0, that a key or item on a line of its own has here. */
  readonly column: number;
  /** Whether a colon follows: a key is being renamed, not added. */
  readonly colonFollows: boolean;
  /** Whether the lines below are the value of a key that is written here. */
  readonly valueFollows: boolean;
  /** Whether the word stands right behind its key's colon, where YAML wants a blank. */
  readonly needsBlank: boolean;
  /** How many blanks stand right before the word. */
  readonly blanksBefore: number;
  /** Whether only indentation and dashes stand before the word. */
  readonly startsLine: boolean;
}

/** Undefined where nothing can be completed: in comments, in block texts, and where the text can't be understood. */
export function cursorAt(file: string, text: string, offset: number): Cursor | undefined {
  if (text.length > MAX_SPEC_BYTES || deepNesting(text)) return undefined;
  const word = wordAt(text, offset);
  if (!word) return undefined;
  const { range, inFlow } = word;
  const before = text.slice(lineStart(text, range.start), range.start);
  const after = text.slice(range.end, lineEnd(text, range.end));
  const startsLine = !inFlow && /^\s*(?:-\s+)*$/.test(before);
  const colonFollows = /^\s*:(?:\s|$)/.test(after);
  const needsBlank = before.endsWith(':');
  const marker = `${needsBlank ? ' ' : ''}${MARKER}${startsLine && !colonFollows && /^\s*(?:#.*)?$/.test(after) ? ':' : ''}`;
  const marked = markedDocument(text.slice(0, range.start) + marker + text.slice(range.end));
  if (!marked) return undefined;
  const data = plainValue(marked.document.contents, isMarked);
  return {
    kind: kindIn(data) ?? kindOfFile(file),
    path: marked.path,
    slot: marked.slot,
    range,
    typed: text.slice(range.start, offset),
    data,
    inFlow,
    column: before.length,
    colonFollows,
    valueFollows: startsLine && valueBelow(text, range.end, before.length),
    needsBlank,
    blanksBefore: before.length - before.trimEnd().length,
    startsLine,
  };
}

/** Whether the next line that says something is indented more than `column`; items of a list may stand right below their key. */
function valueBelow(text: string, offset: number, column: number): boolean {
  const next = /^[^\r\n]*(?:[\r\n]+ *(?:#[^\r\n]*)?(?=[\r\n]))*[\r\n]+( *)(- |[^\s#])/.exec(text.slice(offset));
  if (!next) return false;
  const indent = next[1]?.length ?? 0;
  return indent > column || (indent === column && next[2] === '- ');
}

/** A word that no spec holds. */
const MARKER = 'pxenCursorQ7x';

/** The scalar that the cursor is in or right behind, cut to its line; an empty range where there is none. */
function wordAt(text: string, offset: number): { readonly range: TextRange; readonly inFlow: boolean } | undefined {
  let position = 0;
  let depth = 0;
  let plainNext = false;
  let found: TextRange | undefined;
  for (const lexeme of new Lexer().lex(text)) {
    if (CONTROL.test(lexeme)) {
      plainNext = lexeme === CST.SCALAR;
      if (lexeme === CST.FLOW_END) depth = 0;
      continue;
    }
    const [start, end] = [position, position + lexeme.length];
    const type = plainNext ? 'scalar' : CST.tokenType(lexeme);
    plainNext = false;
    position = end;
    if (start > offset || (start === offset && type !== 'scalar' && type !== 'single-quoted-scalar' && type !== 'double-quoted-scalar')) break;
    if (type === 'flow-map-start' || type === 'flow-seq-start') depth += 1;
    else if (type === 'flow-map-end' || type === 'flow-seq-end') depth = Math.max(0, depth - 1);
    else if (type === 'comment' && offset > start && offset <= end) return undefined;
    else if (type === 'scalar' || type === 'single-quoted-scalar' || type === 'double-quoted-scalar') {
      // A number and its unit may have a blank between them, of which YAML takes no notice before the unit is there.
      const blanks = /^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0;
      if (offset <= end || (offset <= end + blanks && type === 'scalar' && /^\d+$/.test(lexeme))) found = { start, end: Math.max(end, offset) };
    }
    if (end > offset) break;
  }
  if (!found) return { range: { start: offset, end: offset }, inFlow: depth > 0 };
  const lineRange = { start: Math.max(found.start, lineStart(text, offset)), end: Math.min(found.end, lineEnd(text, offset)) };
  const range = unclosed(text, found, offset) ? { start: lineRange.start, end: offset + (REST_OF_WORD.exec(text.slice(offset, lineEnd(text, offset)))?.[0].length ?? 0) } : lineRange;
  const written = text.slice(range.start, range.end);
  // `memory:8`: YAML sees one word; its author wrote a key and forgot the blank.
  const glued = depth === 0 && /^\s*$/.test(text.slice(lineStart(text, offset), range.start)) ? /^[a-zA-Z]+:/.exec(written.trimStart()) : null;
  const indent = written.length - written.trimStart().length;
  const start = range.start + indent + (glued && offset >= range.start + indent + glued[0].length ? glued[0].length : 0);
  return offset < start ? undefined : { range: { start, end: range.end }, inFlow: depth > 0 };
}

/** Whether a quote is opened on the cursor's line and not closed there: YAML then takes all up to the next quote for text, whatever that one was to open. */
function unclosed(text: string, { start, end }: TextRange, offset: number): boolean {
  const quote = text[start];
  if ((quote !== '"' && quote !== "'") || start < lineStart(text, offset)) return false;
  return end > lineEnd(text, offset) || end - start < 2 || text[end - 1] !== quote || /^[^\s,:\]}]/.test(text.slice(end, end + 1));
}

/** What is left of a word whose end isn't marked. */
const REST_OF_WORD = /^(?:(?!: |:$)[^\s,[\]{}"'#])*/;

/** The lexer's own marks, which stand for no characters. */
// eslint-disable-next-line no-control-regex -- yaml's lexer uses control characters for its marks
const CONTROL = /^[\x02\x18\x1f]$/;

function markedDocument(text: string): { readonly document: Document.Parsed; readonly path: SpecPath; readonly slot: Cursor['slot'] } | undefined {
  for (const document of parseAllDocuments(text, { version: '1.2', prettyErrors: false, logLevel: 'silent' })) {
    if (!('range' in document)) continue;
    let found: { readonly path: SpecPath; readonly slot: Cursor['slot'] } | undefined;
    visit(document, {
      Scalar: (key, node, ancestors) => {
        if (!isMarked(node)) return undefined;
        found = { path: pathTo([...ancestors, node]), slot: key === 'key' ? 'key' : 'value' };
        return visit.BREAK;
      },
    });
    if (found) return { document, ...found };
  }
  return undefined;
}

function isMarked(node: unknown): boolean {
  return isScalar(node) && typeof (node as Node & { value: unknown }).value === 'string' && (node as { value: string }).value.includes(MARKER);
}

function kindIn(data: unknown): SpecKind | undefined {
  const kind = valueAt(data, ['kind']);
  return kind === 'Cluster' || kind === 'Host' || kind === 'VM' ? kind : undefined;
}
