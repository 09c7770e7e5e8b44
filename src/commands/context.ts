/** What every command works with, and the questions that several of them ask. */

import * as vscode from 'vscode';
import { terminalCommand } from '../backendCommand';
import { hasClientErrorCode } from '../clientErrors';
import type { Drive, Drives } from '../editor/drives';
import type { PoolSession } from '../session';
import type { Sessions } from '../sessions';
import type { TreeNode } from '../views/poolTree';

export interface CommandContext {
  readonly drives: Drives;
  readonly sessions: Sessions;
  readonly log: vscode.LogOutputChannel;
  /** Absolute path of dist/pxen.js. */
  readonly cli: string;
}

/** Called with the tree's node when it was chosen there, with nothing from the palette. */
export type Command = (context: CommandContext, node?: TreeNode) => Promise<void>;

export interface ChosenDrive {
  readonly drive: Drive;
  readonly session: PoolSession;
}

/** The drive of the tree's node, else of the active editor, else the only one, else the one the user picks. */
export async function chooseDrive({ drives, sessions }: CommandContext, node?: TreeNode): Promise<ChosenDrive | undefined> {
  await drives.found();
  const editor = vscode.window.activeTextEditor;
  const drive = (node && drives.at(node.drive)) ?? (editor && drives.of(editor.document.uri)) ?? (drives.all.length > 1 ? await pickDrive(drives) : drives.all[0]);
  if (drives.all.length === 0) {
    await offer(vscode.window.showErrorMessage, 'There is no drive here: no folder of this workspace holds a pxen.yaml.', {
      'New Drive…': () => vscode.commands.executeCommand('pxen.newDrive'),
      'Open Folder…': () => vscode.commands.executeCommand('vscode.openFolder'),
    });
  }
  const session = drive && sessions.at(drive.path);
  return session && { drive, session };
}

async function pickDrive(drives: Drives): Promise<Drive | undefined> {
  const items = drives.all.map((drive) => ({ label: drive.name, description: drive.path, drive }));
  return (await vscode.window.showQuickPick(items, { title: 'Which pool?', matchOnDescription: true }))?.drive;
}

/** Nothing acts on machines for a folder whose origin the user hasn't vouched for. */
export function trusted(): boolean {
  if (vscode.workspace.isTrusted) return true;
  void offer(vscode.window.showErrorMessage, 'This workspace is not trusted yet, so PXEN only looks at it. Trust it to boot, wake or shut down machines.', {
    'Manage Workspace Trust': () => vscode.commands.executeCommand('workbench.trust.manage'),
  });
  return false;
}

/** Saves the drive's specs, because the backend reads them from disk; false when they have errors, which is told. */
export async function savedAndSound({ drive }: ChosenDrive): Promise<boolean> {
  const saved = await Promise.all(drive.unsaved().map((document) => document.save()));
  if (saved.includes(false)) {
    void vscode.window.showErrorMessage(`Not every spec of ${drive.name} could be saved, so nothing was started.`);
    return false;
  }
  await drive.read();
  if (drive.errors === 0) return true;
  const errors = drive.errors === 1 ? 'an error' : `${drive.errors} errors`;
  void offer(vscode.window.showErrorMessage, `The specs of ${drive.name} have ${errors}. Nothing can be booted until they are corrected.`, { 'Show Problems': () => vscode.commands.executeCommand('workbench.actions.view.problems') });
  return false;
}

/** Shows work that can be cancelled, and tells what became of it. Cancelling and failing are ends like others: it never rejects. */
export async function withProgress(
  context: CommandContext,
  { title, drive }: { readonly title: string; readonly drive: Drive },
  work: (progress: vscode.Progress<{ message?: string; increment?: number }>, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      await work(progress, abort.signal);
    });
  } catch (error) {
    if (hasClientErrorCode(error, 'cancelled')) void vscode.window.showInformationMessage(`${title}: cancelled. Hosts and VMs are left as they are.`);
    else tellError(context, drive, error);
  }
}

function tellError({ log, cli }: CommandContext, drive: Drive, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  log.error(message);
  const showLog = { 'Show Log': () => log.show() };
  if (!hasClientErrorCode(error, 'elevation-refused')) {
    void offer(vscode.window.showErrorMessage, message, showLog);
    return;
  }
  const command = terminalCommand({ execPath: process.execPath, script: cli }, drive.path);
  void offer(vscode.window.showErrorMessage, `${message} ${command}`, {
    'Run in Terminal': () => {
      const terminal = vscode.window.createTerminal({ name: 'PXEN' });
      terminal.show();
      terminal.sendText(command);
    },
    'Copy Command': () => vscode.env.clipboard.writeText(command),
  });
}

type ShowMessage = (message: string, ...choices: string[]) => Thenable<string | undefined>;

/** A message with buttons, each with what it does. */
export async function offer(show: ShowMessage, message: string, choices: Readonly<Record<string, () => unknown>>): Promise<void> {
  const chosen = await show(message, ...Object.keys(choices));
  if (chosen !== undefined) await choices[chosen]?.();
}
