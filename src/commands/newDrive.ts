import * as path from 'node:path';
import * as vscode from 'vscode';
import { clusterNameFor, newDriveFiles } from '../backend/drive/newDrive';
import { offer, type Command } from './context';

/** Writes a small, commented drive into a folder; nothing that is there already is touched. */
export const newDrive: Command = async () => {
  const [folder] =
    (await vscode.window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, canSelectMany: false, title: 'A folder, or a flash drive, for the new drive', openLabel: 'Make Drive Here' })) ?? [];
  if (!folder) return;
  const files = [...newDriveFiles(clusterNameFor(path.basename(folder.fsPath)))].map(([file, text]) => ({ uri: vscode.Uri.joinPath(folder, file), file, text }));
  const present = new Set((await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name));
  const inTheWay = files.map(({ file }) => file.split('/', 1)[0] ?? file).find((name) => present.has(name));
  if (inTheWay !== undefined) {
    void vscode.window.showErrorMessage(`${folder.fsPath} holds ${inTheWay} already. Choose a folder without it.`);
    return;
  }
  for (const { uri, text } of files) await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  const spec = vscode.Uri.joinPath(folder, 'pxen.yaml');
  await vscode.window.showTextDocument(spec);
  if (vscode.workspace.getWorkspaceFolder(folder)) return;
  void offer(vscode.window.showInformationMessage, `${folder.fsPath} is a drive now.`, { 'Open It': () => vscode.commands.executeCommand('vscode.openFolder', folder) });
};
