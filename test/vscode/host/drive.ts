/** The drive that the window under test has open: a copy of examples/homelab. */

import * as vscode from 'vscode';

export const EXTENSION_ID = 'pxen.pxen';

export function driveFile(file: string): vscode.Uri {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (!folder) throw new Error('The window has no folder open.');
  return vscode.Uri.joinPath(folder.uri, file);
}

/** Opens a spec and replaces a text that stands in it once; nothing is saved. */
export async function edit(file: string, from: string, to: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(driveFile(file));
  const start = document.getText().indexOf(from);
  if (start < 0 || document.getText().includes(from, start + 1)) throw new Error(`${file} doesn't hold "${from}" exactly once.`);
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, new vscode.Range(document.positionAt(start), document.positionAt(start + from.length)), to);
  await vscode.workspace.applyEdit(change);
  return document;
}

/** Takes every unsaved change back. */
export async function revertAll(): Promise<void> {
  for (const document of vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty)) {
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  }
}

/** PXEN's diagnostics of a file, one a line: `line:column-line:column code`, from 1 as `pxen validate` counts. */
export function marks(file: string): readonly string[] {
  return vscode.languages
    .getDiagnostics(driveFile(file))
    .filter(({ source }) => source === 'pxen')
    .map(({ range: { start, end }, code }) => `${start.line + 1}:${start.character + 1}-${end.line + 1}:${end.character + 1} ${typeof code === 'string' ? code : JSON.stringify(code)}`);
}

/** Resolves once `holds` is true, looking after each change of diagnostics. */
export function diagnosed(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return;
      subscription.dispose();
      resolve();
    };
    const subscription = vscode.languages.onDidChangeDiagnostics(look);
    look();
  });
}
