/** What Add Host and Add VM have in common: questions in a row, and the file at the end of them. */

import * as path from 'node:path';
import * as vscode from 'vscode';
import { createFileAtomic } from '../backend/drive/atomic';
import type { Drive } from '../editor/drives';
import type { NewSpec } from '../editor/features/newSpecs';

/** The questions of one command. Each resolves with undefined when the user has had enough. */
export class Questions {
  #asked = 0;

  constructor(
    private readonly title: string,
    private readonly count: number,
  ) {}

  /** A line of text; what is wrong with it shows while it is typed. */
  text(what: { readonly prompt: string; readonly value: string; readonly placeHolder?: string }, trouble: (answer: string) => string | undefined): Thenable<string | undefined> {
    return vscode.window.showInputBox({ title: this.#next(), ignoreFocusOut: true, ...what, validateInput: (answer) => (answer.trim() === '' ? 'Write something here.' : trouble(answer)) }).then((answer) => answer?.trim());
  }

  choice<Item extends vscode.QuickPickItem>(placeHolder: string, items: readonly Item[]): Thenable<Item | undefined> {
    return vscode.window.showQuickPick(items, { title: this.#next(), ignoreFocusOut: true, placeHolder, matchOnDescription: true });
  }

  #next(): string {
    this.#asked = Math.min(this.#asked + 1, this.count);
    return `${this.title} (${this.#asked}/${this.count})`;
  }
}

/**
 * Makes the file, and shows what is to be filled in next. One that came to be meanwhile is never written over, not even if that was a
 * moment ago: an edit of VS Code's looks first and writes then.
 */
export async function writeNewSpec(drive: Drive, { file, text, next }: NewSpec): Promise<void> {
  try {
    if (!(await createFileAtomic(path.join(drive.path, file), text))) {
      void vscode.window.showErrorMessage(`There is a file ${file} by now. It was left as it is; choose another name.`);
      return;
    }
  } catch (error) {
    void vscode.window.showErrorMessage(`${file} couldn't be made in ${drive.path} (${error instanceof Error ? error.message : String(error)}). Nothing was changed.`);
    return;
  }
  const document = await vscode.workspace.openTextDocument(drive.uri(file));
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(document.positionAt(next.start), document.positionAt(next.end)) });
}
