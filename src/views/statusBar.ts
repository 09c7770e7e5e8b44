/** One item in the status bar: how the pool is, in a few characters. */

import * as vscode from 'vscode';
import type { Drive, Drives } from '../editor/drives';
import type { Sessions } from '../sessions';
import { bootProgress, shortTally } from './poolWords';

export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('pxen.pool', vscode.StatusBarAlignment.Left);
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(
    private readonly drives: Drives,
    private readonly sessions: Sessions,
  ) {
    this.#item.name = 'PXEN Pool';
    this.#item.command = 'pxen.pool.focus';
    this.#subscriptions = [
      drives.onDidChange(() => this.#show()),
      drives.onDidRemove(() => this.#show()),
      sessions.onDidChange(() => this.#show()),
      vscode.window.onDidChangeActiveTextEditor(() => this.#show()),
    ];
  }

  #show(): void {
    const drive = this.#driveInView();
    if (!drive) {
      this.#item.hide();
      return;
    }
    const session = this.sessions.at(drive.path);
    const snapshot = session?.snapshot;
    const icon = session?.activity === undefined ? '$(server)' : '$(loading~spin)';
    this.#item.text = `${icon} ${drive.name}${snapshot ? ` ${shortTally(snapshot)}` : ''}`;
    this.#item.tooltip = snapshot ? `${drive.name}: ${bootProgress(snapshot).sentence}` : `${drive.name}: nothing is known of its hosts yet`;
    this.#item.backgroundColor = snapshot?.phase === 'partly' ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.#item.show();
  }

  /** That of the active editor, else the one something is known of, else the first. */
  #driveInView(): Drive | undefined {
    const editor = vscode.window.activeTextEditor;
    const edited = editor && this.drives.of(editor.document.uri);
    return edited ?? this.drives.all.find(({ path }) => this.sessions.at(path)?.snapshot) ?? this.drives.all[0];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#item.dispose();
  }
}
