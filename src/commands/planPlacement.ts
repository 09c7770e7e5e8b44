import * as vscode from 'vscode';
import type { Drive, Drives } from '../editor/drives';
import { placementText } from '../editor/features/placement';
import { chooseDrive, offer, type Command } from './context';

/** Shows where each VM would run and why, in a document that follows the specs while they are edited. */
export const planPlacement: Command = async (context, node) => {
  const chosen = await chooseDrive(context, node);
  if (!chosen) return;
  const { drive } = chosen;
  if (!drive.model) {
    void offer(vscode.window.showErrorMessage, `The specs of ${drive.name} have errors; there is nothing to plan until they are corrected.`, { 'Show Problems': () => vscode.commands.executeCommand('workbench.actions.view.problems') });
    return;
  }
  await vscode.window.showTextDocument(planUri(drive), { preview: true });
};

const SCHEME = 'pxen-plan';

function planUri(drive: Drive): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/Plan of ${drive.name}`, query: drive.path });
}

/** The text behind the documents that the command opens. */
export class PlanDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(private readonly drives: Drives) {
    this.#subscriptions = [vscode.workspace.registerTextDocumentContentProvider(SCHEME, this), drives.onDidChange((drive) => this.#changed.fire(planUri(drive)))];
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const placement = this.drives.at(uri.query)?.placement;
    return placement ? placementText(placement) : 'There is no plan yet.\n';
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}
