/**
 * Suggestions in every half-typed state: each key and value of sound specs, in several styles, with the cursor behind each of its
 * characters, and behind it the rest of the spec or less. What belongs there must be among the suggestions, and taking it must
 * give back what was meant; no suggestion breaks the syntax.
 * `PXEN_EVERY_STATE=1` tries them all; otherwise it is a sample, the same every time.
 */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments, stringify, visit, type Document, type Scalar } from 'yaml';
import { describe, expect, test } from 'vitest';
import type { SpecPath } from '../../src/backend/drive/places';
import type { SpecKind } from '../../src/backend/drive/schemaTree';
import { readSpecFile } from '../../src/backend/drive/specFile';
import { completionsAt, type Completion } from '../../src/editor/features/completion';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { lineEnd } from '../../src/editor/features/edits';
import { pathTo } from '../../src/editor/features/nodes';
import { referenceSort } from '../../src/editor/features/occurrences';
import { flowText, shapeAt } from '../../src/editor/features/shape';

const HOMELAB = path.join(import.meta.dirname, '..', '..', 'examples', 'homelab');
const EXAMPLES = ['pxen.yaml', ...['hosts', 'vms'].flatMap((folder) => readdirSync(path.join(HOMELAB, folder)).map((file) => `${folder}/${file}`))];
const TEXTS = new Map([...EXAMPLES.map((file): [string, string] => [file, readFileSync(path.join(HOMELAB, file), 'utf8')])]);
const SURROUNDINGS = { driveId: '11111111-2222-4333-8444-555555555555', images: ['dom0-1'], diskFiles: ['disks/debian-13.raw', 'disks/vmlinuz-debian-13', 'disks/initrd-debian-13'] };
const DRIVE = EditorDrive.of(TEXTS, SURROUNDINGS);

const documentsOf = (text: string): readonly Document.Parsed[] => [...parseAllDocuments(text)].filter((document) => 'range' in document);

/** The same specs, written otherwise. */
const STYLES: Readonly<Record<string, (text: string) => string>> = {
  'as in the example': (text) => text,
  'in block style': (text) => documentsOf(text).map((document) => stringify(document.toJS())).join('---\n'),
  'in block style, lists not indented': (text) => documentsOf(text).map((document) => stringify(document.toJS(), { indentSeq: false })).join('---\n'),
  'in flow style': (text) => documentsOf(text).map((document) => `${flowText(document.toJS())}\n`).join('---\n'),
  'in flow style of many lines': (text) => documentsOf(text).map((document) => JSON.stringify(document.toJS(), undefined, 2).replace(/^( *)"([a-zA-Z]+)":/gm, '$1$2:')).join('\n---\n'),
  'as JSON': (text) => documentsOf(text).map((document) => JSON.stringify(document.toJS(), undefined, 2)).join('\n---\n'),
  'with Windows line breaks': (text) => text.replaceAll('\n', '\r\n'),
};

/** What a text becomes when its author is at `at`, in the token: up to the cursor, behind it, and what got lost. */
interface Half {
  readonly before: string;
  readonly after: string;
  readonly lost: string;
}

const STATES: Readonly<Record<string, (text: string, token: Token, at: number) => Half>> = {
  'before the rest of the word is there': (text, { end }, at) => ({ before: text.slice(0, at), after: text.slice(end), lost: '' }),
  'before the rest of the line is there': (text, { end }, at) => ({ before: text.slice(0, at), after: text.slice(lineEnd(text, end)), lost: text.slice(end, lineEnd(text, end)) }),
  'before the rest of the text is there': (text, _token, at) => ({ before: text.slice(0, at), after: '', lost: text.slice(at) }),
  'in a word that is whole': (text, _token, at) => ({ before: text.slice(0, at), after: text.slice(at), lost: '' }),
  'behind a wrong word': (text, { start, end }) => ({ before: `${text.slice(0, start)}qqq`, after: text.slice(end), lost: '' }),
  'in a wrong word': (text, { start, end }) => ({ before: `${text.slice(0, start)}qq`, after: `q${text.slice(end)}`, lost: '' }),
};

interface Token {
  readonly start: number;
  readonly end: number;
  /** As it reads, without quotes. */
  readonly text: string;
  readonly isKey: boolean;
  /** Of the pair or item. */
  readonly path: SpecPath;
  /** In which document of the file. */
  readonly index: number;
  readonly kind: SpecKind;
}

function tokensOf(text: string): readonly Token[] {
  return documentsOf(text).flatMap((document, index) => {
    const kind = (document.toJS() as { readonly kind: SpecKind }).kind;
    const tokens: Token[] = [];
    visit(document, {
      Scalar: (key, node: Scalar, ancestors) => {
        const [start = 0, end = 0] = node.range ?? [];
        const path = pathTo([...ancestors, node]);
        tokens.push({ start, end, text: String(node.value), isKey: key === 'key', path: key === 'key' ? [...path, String(node.value)] : path, index, kind });
      },
    });
    return tokens;
  });
}

/** Whether the suggestions must know this word: keys, and values that are one of a few or name something. */
function isKnown({ kind, path, isKey }: Token, data: unknown): boolean {
  if (path[0] === 'labels') return false;
  if (isKey) return true;
  const schema = shapeAt(kind, path, data);
  return referenceSort(kind, path) !== undefined || schema?.enum !== undefined || schema?.const !== undefined || schema?.type === 'boolean';
}

const accepted = (text: string, { range, text: inserted }: Completion) => text.slice(0, range.start) + inserted + text.slice(range.end);

const plain = (text: string, index: number): unknown => documentsOf(text)[index]?.toJS();

const syntaxErrors = (file: string, text: string) => readSpecFile(file, text).problems.filter(({ code }) => code === 'yaml-syntax').length;

/** A prime: the sample falls on other places in each text. */
const STRIDE = process.env['PXEN_EVERY_STATE'] === undefined ? 97 : 1;

for (const [style, written] of Object.entries(STYLES)) {
  describe(`Suggestions in specs ${style}`, () => {
    for (const [state, half] of Object.entries(STATES)) {
      test(`${state} hold what belongs there, and taking it gives back the spec`, () => {
        let count = 0;
        for (const [file, example] of TEXTS) {
          const text = written(example);
          for (const token of tokensOf(text)) {
            const whole = plain(text, token.index);
            const known = isKnown(token, whole);
            for (let at = token.start; at <= token.end; at += 1) {
              count += 1;
              if (count % STRIDE === 0) tryState({ file, token, known, whole, ...half(text, token, at) });
            }
          }
        }
        expect(count).toBeGreaterThan(3000);
      });
    }
  });
}

interface State extends Half {
  readonly file: string;
  readonly token: Token;
  readonly known: boolean;
  /** What the document holds before it is cut. */
  readonly whole: unknown;
}

function tryState({ file, token, known, whole, before, after, lost }: State): void {
  const text = before + after;
  const at = before.length;
  const drive = DRIVE.with(file, text);
  const items = completionsAt(drive, file, at);
  const where = `${file}: ${JSON.stringify(before.slice(-60))}|${JSON.stringify(after.slice(0, 20))} in place of ${token.text}`;
  // With a bracket or a comma gone, no word can make the text whole again.
  const isMendable = !/[,[\]{}]/.test(lost);
  const errors = isMendable ? syntaxErrors(file, text) : Infinity;
  for (const item of items) {
    expect(item.range.start <= at && at <= item.range.end && item.range.end <= text.length, `${where}: ${JSON.stringify(item)}`).toBe(true);
    expect(syntaxErrors(file, accepted(text, item)), `${where}: taking ${item.label} breaks the syntax`).toBeLessThanOrEqual(errors);
  }
  // A VM that is defined only in what is lost can't be known.
  if (!known || (referenceSort(token.kind, token.path) === 'vm' && !drive.names('vm').includes(token.text))) return;
  const item = items.find(({ label, text: inserted }) => label === token.text || inserted.trim() === token.text || inserted.trim() === flowText(token.text));
  expect(item?.label, `${where}: among ${items.map(({ label }) => label).join(', ')}`).toBeDefined();
  if (!item || !isMendable) return;
  const now = accepted(text, item);
  const data = plain(now, token.index);
  if (lost === '') expect(data, `${where}: taking ${item.label} gives\n${now}`).toEqual(whole);
  else expect(holds(data, token), `${where}: taking ${item.label} gives\n${now}`).toBe(true);
}

/** Whether the key, or the value, is where it was. */
function holds(data: unknown, { path, isKey, text }: Token): boolean {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return isKey || String(value) === text;
}
