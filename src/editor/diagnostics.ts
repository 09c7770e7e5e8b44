/** Shows the problems of every drive where they stand: the same ones, with the same words, as `pxen validate`. */

import * as vscode from 'vscode';
import type { Severity } from '../protocol';
import type { Drive, Drives } from './drives';
import { changedFiles, diagnosticsOf, KnownDiagnostics, type Diagnostic, type Span } from './features/diagnostics';

export class Diagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection('pxen');
  /** What each file's diagnostics are now, by drive: only what changes is handed to VS Code, of which thousands may be there. */
  readonly #marked = new Map<string, { readonly known: KnownDiagnostics; readonly found: ReadonlyMap<string, readonly Diagnostic[]> }>();
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(drives: Drives) {
    this.#subscriptions = [drives.onDidChange((drive) => this.#show(drive)), drives.onDidRemove((drive) => this.#clear(drive))];
  }

  #show(drive: Drive): void {
    const before = this.#marked.get(drive.path) ?? { known: new KnownDiagnostics(), found: new Map() };
    const found = diagnosticsOf(drive.specs, drive.placement, before.known);
    const changed = changedFiles(before.found, found);
    if (changed.length > 0) this.#collection.set(changed.map((file) => [drive.uri(file), found.get(file)?.map((diagnostic) => shown(drive, diagnostic))]));
    this.#marked.set(drive.path, { known: before.known, found });
  }

  #clear(drive: Drive): void {
    for (const file of this.#marked.get(drive.path)?.found.keys() ?? []) this.#collection.delete(drive.uri(file));
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

function shown(drive: Drive, { severity, code, message, related, ...span }: Diagnostic): vscode.Diagnostic {
  const result = new vscode.Diagnostic(rangeOf(span), message, SEVERITIES[severity]);
  result.source = 'pxen';
  result.code = code;
  if (related.length > 0) result.relatedInformation = related.map((other) => new vscode.DiagnosticRelatedInformation(new vscode.Location(drive.uri(other.file), rangeOf(other)), other.message));
  return result;
}

/** The contract counts from 1, the editor from 0. */
function rangeOf({ line, column, endLine, endColumn }: Omit<Span, 'file'>): vscode.Range {
  return new vscode.Range(line - 1, column - 1, endLine - 1, endColumn - 1);
}
