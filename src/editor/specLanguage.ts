/**
 * The language goes by files' names, and other programs may use the same: outside a drive they are left to YAML, until a drive is
 * made around them.
 */

import * as vscode from 'vscode';
import type { Drives } from './drives';

const SPEC = 'pxen';
const YAML = 'yaml';

export class SpecLanguage implements vscode.Disposable {
  readonly #subscriptions: readonly vscode.Disposable[];
  /** Known drives, by path: a document's language is looked at again only when one comes or goes. */
  readonly #known = new Set<string>();
  /** Files that were left to YAML here, by address; those that the user has told to be YAML stay so. */
  readonly #left = new Set<string>();

  constructor(private readonly drives: Drives) {
    this.#subscriptions = [
      vscode.workspace.onDidOpenTextDocument((document) => void this.#look(document)),
      drives.onDidChange(({ path }) => {
        if (this.#known.has(path)) return;
        this.#known.add(path);
        this.#lookAll();
      }),
      drives.onDidRemove(({ path }) => {
        this.#known.delete(path);
        this.#lookAll();
      }),
    ];
    this.#lookAll();
  }

  #lookAll(): void {
    for (const document of vscode.workspace.textDocuments) void this.#look(document);
  }

  async #look(document: vscode.TextDocument): Promise<void> {
    const { uri, languageId } = document;
    const wasLeft = this.#left.has(uri.toString());
    if (uri.scheme !== 'file' || languageId !== (wasLeft ? YAML : SPEC)) return;
    const isOutside = (await this.drives.around(uri)) === undefined;
    if (isOutside === wasLeft || document.isClosed) return;
    if (isOutside) this.#left.add(uri.toString());
    else this.#left.delete(uri.toString());
    await vscode.languages.setTextDocumentLanguage(document, isOutside ? YAML : SPEC);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
