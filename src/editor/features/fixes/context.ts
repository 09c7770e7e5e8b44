/** A problem with all that a fix for it needs to know. */

import type { SpecPath } from '../../../backend/drive/places';
import type { SpecKind } from '../../../backend/drive/schemaTree';
import type { SpecDocument } from '../../../backend/drive/specFile';
import type { ProblemJson } from '../../../protocol';
import { replace, type FileEdit, type TextRange } from '../edits';
import type { EditorDrive } from '../editorDrive';
import { documentAt, plainValue, spotAt, type Spot } from '../nodes';
import { addition, removal, type Change, type Written } from './structure';

export interface Fix {
  readonly title: string;
  readonly edits: readonly FileEdit[];
  /** The one that is nearly always meant. */
  readonly preferred?: boolean;
}

/** A problem that lies in a document. */
export interface Context {
  readonly drive: EditorDrive;
  readonly problem: ProblemJson;
  readonly file: string;
  readonly text: string;
  readonly range: TextRange;
  /** As it is written, quotes included. */
  readonly written: string;
  readonly document: SpecDocument;
  readonly kind: SpecKind | undefined;
  readonly data: unknown;
  readonly spot: Spot;
}

/** Undefined for a problem of a whole file. */
export function contextOf(drive: EditorDrive, problem: ProblemJson): Context | undefined {
  const entry = drive.files.get(problem.file);
  if (!entry) return undefined;
  const { text, spec } = entry;
  const range = { start: spec.lines.offset(problem), end: spec.lines.offset({ line: problem.endLine, column: problem.endColumn }) };
  const document = documentAt(spec.documents, range.start);
  const spot = document && spotAt(document.yaml, range.start);
  if (!document || !spot) return undefined;
  return { drive, problem, file: problem.file, text, range, written: text.slice(range.start, range.end), document, kind: document.kind, data: plainValue(document.yaml.contents), spot };
}

/** Writes something else in the problem's place. */
export function rewrite({ file, range }: Context, text: string, options: { readonly preferred?: boolean; readonly title?: string } = {}): Fix {
  return { title: options.title ?? `Change to ${text}`, edits: [replace({ file, ...range }, text)], ...(options.preferred === true && { preferred: true }) };
}

/** Nothing when the change can't be made. */
export function change({ file }: { readonly file: string }, made: Change | undefined, title: string, preferred = false): readonly Fix[] {
  return made ? [{ title, edits: [replace({ file, ...made }, made.text)], ...(preferred && { preferred }) }] : [];
}

export function remove(context: Context, path: SpecPath, title: string, preferred = false): readonly Fix[] {
  return change(context, removal(writtenOf(context), path), title, preferred);
}

export function add(context: Context, path: SpecPath, entries: readonly (readonly [string, string])[], title: string, preferred = false): readonly Fix[] {
  return change(context, addition(writtenOf(context), path, entries), title, preferred);
}

export function writtenOf({ text, document }: Pick<Context, 'text' | 'document'>): Written {
  return { text, root: document.yaml.contents };
}
