/** What `when` clauses of menus and commands in package.json go by. */

import * as vscode from 'vscode';
import type { Drives } from '../editor/drives';
import type { Sessions } from '../sessions';

export class ContextKeys implements vscode.Disposable {
  readonly #values = new Map<string, boolean>();
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(
    private readonly drives: Drives,
    private readonly sessions: Sessions,
  ) {
    this.#subscriptions = [drives.onDidChange(() => this.#update()), drives.onDidRemove(() => this.#update()), sessions.onDidChange(() => this.#update())];
  }

  #update(): void {
    this.#set('pxen.hasDrive', this.drives.all.length > 0);
    this.#set('pxen.serving', this.sessions.all.some(({ serving }) => serving !== undefined));
    // With several drives one may be booted while another is.
    this.#set('pxen.busy', this.sessions.all.length > 0 && this.sessions.all.every(({ activity }) => activity !== undefined));
  }

  #set(key: string, value: boolean): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
