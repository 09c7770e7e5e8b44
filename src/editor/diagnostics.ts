/** Shows the problems of every drive where they stand: the same ones, with the same words, as `pxen validate`. */

import * as vscode from 'vscode';
import type { ProblemJson, Severity } from '../protocol';
import type { Drive, Drives } from './drives';
import { placementProblems, type PlacementProblem } from './features/placement';
import { locationIn, rangeIn } from './positions';

export class Diagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection('pxen');
  /** Files that have diagnostics now, by drive. */
  readonly #marked = new Map<string, ReadonlySet<string>>();
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(drives: Drives) {
    this.#subscriptions = [drives.onDidChange((drive) => this.#show(drive)), drives.onDidRemove((drive) => this.#clear(drive))];
  }

  #show(drive: Drive): void {
    const { placement, specs } = drive;
    const { problems, model } = specs.checked;
    const byFile = new Map<string, vscode.Diagnostic[]>();
    const add = (file: string, shown: vscode.Diagnostic) => byFile.set(file, [...(byFile.get(file) ?? []), shown]);
    for (const problem of problems) add(problem.file, diagnostic(problem));
    // With errors in the specs the plan is that of an earlier state, whose reasons may hold no longer.
    if (model && placement) for (const problem of placementProblems(specs, placement)) add(problem.file, placementDiagnostic(drive, problem));
    const before = this.#marked.get(drive.path) ?? new Set();
    for (const file of before) if (!byFile.has(file)) this.#collection.delete(drive.uri(file));
    for (const [file, diagnostics] of byFile) this.#collection.set(drive.uri(file), diagnostics);
    this.#marked.set(drive.path, new Set(byFile.keys()));
  }

  #clear(drive: Drive): void {
    for (const file of this.#marked.get(drive.path) ?? []) this.#collection.delete(drive.uri(file));
    this.#marked.delete(drive.path);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#collection.dispose();
  }
}

const SEVERITIES: Readonly<Record<Severity, vscode.DiagnosticSeverity>> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information,
};

function diagnostic(problem: ProblemJson): vscode.Diagnostic {
  const shown = new vscode.Diagnostic(rangeOf(problem), problem.message, SEVERITIES[problem.severity]);
  shown.source = 'pxen';
  shown.code = problem.code;
  return shown;
}

function placementDiagnostic(drive: Drive, problem: PlacementProblem): vscode.Diagnostic {
  const shown = new vscode.Diagnostic(rangeIn(drive.specs, problem.file, problem), problem.message, SEVERITIES[problem.severity]);
  shown.source = 'pxen';
  shown.code = problem.code;
  shown.relatedInformation = problem.related.map((place) => new vscode.DiagnosticRelatedInformation(locationIn({ drive, specs: drive.specs }, place), place.message));
  return shown;
}

/** The contract counts from 1, the editor from 0. */
function rangeOf({ line, column, endLine, endColumn }: ProblemJson): vscode.Range {
  return new vscode.Range(line - 1, column - 1, endLine - 1, endColumn - 1);
}
