/** All that is wrong with a drive, as editors show it: the problems of `pxen validate`, then those that only a plan can tell. */

import type { ProblemJson } from '../../protocol';
import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { KnownUnplaced, placementProblems, type Placement, type PlacementProblem } from './placement';

/** Lines and columns are 1-based; the end is exclusive. */
export type Span = Pick<ProblemJson, 'file' | 'line' | 'column' | 'endLine' | 'endColumn'>;

export interface Diagnostic extends ProblemJson {
  readonly related: readonly (Span & { readonly message: string })[];
}

/** What was made of problems before: those that stay keep their diagnostics, so that nobody compares thousands after each keystroke. */
export class KnownDiagnostics {
  readonly unplaced = new KnownUnplaced();
  readonly #made = new WeakMap<PlacementProblem, Diagnostic>();

  /** A problem that is the same as before points into the same texts. */
  of(drive: EditorDrive, problem: PlacementProblem): Diagnostic {
    const known = this.#made.get(problem);
    if (known) return known;
    const { severity, code, message, related, ...place } = problem;
    const made = { ...spanOf(drive, place), severity, code, message, related: related.map((other) => ({ ...spanOf(drive, other), message: other.message })) };
    this.#made.set(problem, made);
    return made;
  }
}

/** By file; files without any are absent. */
export function diagnosticsOf(drive: EditorDrive, placement: Placement | undefined, known = new KnownDiagnostics()): ReadonlyMap<string, readonly Diagnostic[]> {
  const byFile = new Map<string, Diagnostic[]>();
  const add = (diagnostic: Diagnostic) => {
    const known = byFile.get(diagnostic.file);
    if (known) known.push(diagnostic);
    else byFile.set(diagnostic.file, [diagnostic]);
  };
  const { problems } = drive.checked;
  // Without any host there is one thing to say, not one a VM.
  const placed = !placement || problems.some(({ code }) => code === 'host-missing') ? [] : placementProblems(drive, placement, known.unplaced).map((problem) => known.of(drive, problem));
  const explained = problems.some(({ code }) => code === 'vm-too-large') ? new Set(placed.filter(({ code }) => code === 'vm-unplaced').map(placeKey)) : NOTHING;
  // What is too large for every host has no place either, which the plan tells with more to go by.
  for (const problem of problems) if (problem.code !== 'vm-too-large' || !explained.has(placeKey(problem))) add({ ...problem, related: [] });
  for (const problem of placed) add(problem);
  return byFile;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Files whose diagnostics aren't what they were, those that have none any more among them. */
export function changedFiles(before: ReadonlyMap<string, readonly Diagnostic[]>, now: ReadonlyMap<string, readonly Diagnostic[]>): readonly string[] {
  const gone = [...before.keys()].filter((file) => !now.has(file));
  return [...gone, ...[...now].filter(([file, diagnostics]) => !sameList(before.get(file), diagnostics)).map(([file]) => file)];
}

function sameList(before: readonly Diagnostic[] | undefined, now: readonly Diagnostic[]): boolean {
  return before?.length === now.length && before.every((diagnostic, index) => diagnostic === now[index] || JSON.stringify(diagnostic) === JSON.stringify(now[index]));
}

export function spanOf(drive: EditorDrive, { file, start, end }: TextRange & { readonly file: string }): Span {
  const lines = drive.files.get(file)?.spec.lines;
  const first = lines?.at(start) ?? { line: 1, column: 1 };
  const last = lines?.at(end) ?? first;
  return { file, line: first.line, column: first.column, endLine: last.line, endColumn: last.column };
}

function placeKey({ file, line, column }: Span): string {
  return `${file}:${line}:${column}`;
}
