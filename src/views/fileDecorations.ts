/**
 * Marks specs of VMs without a place in the explorer. Specs with problems are marked by VS Code itself, from their diagnostics, of which a
 * VM without a place is one: its number, its colour and the mark of its folders are VS Code's, and said here is only, under the
 * mouse, what they mean. Where VS Code's marks are switched off, the spec gets one of its own.
 */

import * as vscode from 'vscode';
import type { Drive, Drives } from '../editor/drives';
import { decorationsOf, type Decoration } from '../editor/features/decorations';

export class FileDecorations implements vscode.FileDecorationProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri[]>();
  readonly onDidChangeFileDecorations = this.#changed.event;
  /** By drive. */
  readonly #shown = new Map<string, ReadonlyMap<string, Decoration>>();
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(private readonly drives: Drives) {
    this.#subscriptions = [
      vscode.window.registerFileDecorationProvider(this),
      drives.onDidChange((drive) => this.#show(drive, decorationsOf(drive.specs, drive.placement))),
      drives.onDidRemove((drive) => this.#show(drive, new Map())),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('problems')) for (const drive of drives.all) this.#changed.fire(this.#uris(drive));
      }),
    ];
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    const drive = this.drives.of(uri);
    const file = drive?.specFile(uri);
    const decoration = drive && file !== undefined ? this.#shown.get(drive.path)?.get(file) : undefined;
    if (!decoration) return undefined;
    const problems = vscode.workspace.getConfiguration('problems', uri);
    if (problems.get<boolean>('visibility', true) && problems.get<boolean>('decorations.enabled', true)) return new vscode.FileDecoration(undefined, decoration.tooltip);
    const result = new vscode.FileDecoration(decoration.badge, decoration.tooltip, new vscode.ThemeColor('list.warningForeground'));
    result.propagate = true;
    return result;
  }

  #show(drive: Drive, now: ReadonlyMap<string, Decoration>): void {
    const before = this.#shown.get(drive.path);
    const changed = [...new Set([...(before?.keys() ?? []), ...now.keys()])].filter((file) => before?.get(file)?.tooltip !== now.get(file)?.tooltip);
    this.#shown.set(drive.path, now);
    if (changed.length > 0) this.#changed.fire(changed.map((file) => drive.uri(file)));
  }

  #uris(drive: Drive): vscode.Uri[] {
    return [...(this.#shown.get(drive.path)?.keys() ?? [])].map((file) => drive.uri(file));
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}
