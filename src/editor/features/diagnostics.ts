/** All that is wrong with a drive, as editors show it: the problems of `pxen validate`, then those that only a plan can tell. */

import type { ProblemJson } from '../../protocol';
import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { placementProblems, type Placement } from './placement';

/** Lines and columns are 1-based; the end is exclusive. */
export type Span = Pick<ProblemJson, 'file' | 'line' | 'column' | 'endLine' | 'endColumn'>;

export interface Diagnostic extends ProblemJson {
  readonly related: readonly (Span & { readonly message: string })[];
}

/** By file; files without any are absent. */
export function diagnosticsOf(drive: EditorDrive, placement: Placement | undefined): ReadonlyMap<string, readonly Diagnostic[]> {
  const byFile = new Map<string, Diagnostic[]>();
  const add = (diagnostic: Diagnostic) => {
    const known = byFile.get(diagnostic.file);
    if (known) known.push(diagnostic);
    else byFile.set(diagnostic.file, [diagnostic]);
  };
  const { problems } = drive.checked;
  // Without any host there is one thing to say, not one a VM.
  const placed = !placement || problems.some(({ code }) => code === 'host-missing') ? [] : placementProblems(drive, placement).map(({ severity, code, message, related, ...place }) => ({ ...spanOf(drive, place), severity, code, message, related: related.map((other) => ({ ...spanOf(drive, other), message: other.message })) }));
  const explained = new Set(placed.filter(({ code }) => code === 'vm-unplaced').map(placeKey));
  // What is too large for every host has no place either, which the plan tells with more to go by.
  for (const problem of problems) if (problem.code !== 'vm-too-large' || !explained.has(placeKey(problem))) add({ ...problem, related: [] });
  for (const problem of placed) add(problem);
  return byFile;
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
