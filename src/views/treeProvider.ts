/** Shows `poolTree` in the activity bar's view. */

import * as vscode from 'vscode';
import type { Drive, Drives } from '../editor/drives';
import { occurrenceId } from '../editor/features/occurrences';
import type { Sessions } from '../sessions';
import { poolTree, type PoolView, type TreeNode } from './poolTree';

/** Hosts that boot at once send many events; the eye needs only a few of them. */
const REFRESH_MS = 80;

export class PoolTreeProvider implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #subscriptions: readonly vscode.Disposable[];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly drives: Drives,
    private readonly sessions: Sessions,
  ) {
    this.#subscriptions = [drives.onDidChange(() => this.#refresh()), drives.onDidRemove(() => this.#refresh()), sessions.onDidChange(() => this.#refresh())];
  }

  getChildren(node?: TreeNode): readonly TreeNode[] & TreeNode[] {
    return [...(node ? node.children : poolTree(this.drives.all.map((drive) => this.#viewOf(drive))))];
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const collapsible = node.children.length === 0 ? vscode.TreeItemCollapsibleState.None : node.expanded ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed;
    const item = new vscode.TreeItem(node.label, collapsible);
    item.id = node.id;
    item.description = node.description;
    item.tooltip = new vscode.MarkdownString(node.tooltip);
    item.iconPath = new vscode.ThemeIcon(node.icon.id, node.icon.color === undefined ? undefined : new vscode.ThemeColor(node.icon.color));
    item.contextValue = node.kind;
    const command = this.#commandOf(node);
    if (command) item.command = command;
    return item;
  }

  /** A click opens the spec at the thing's name. */
  #commandOf(node: TreeNode): vscode.Command | undefined {
    if (node.kind === 'problems') return { command: 'workbench.actions.view.problems', title: 'Show Problems' };
    const drive = this.drives.at(node.drive);
    const id = specIdOf(node);
    const place = id === undefined ? undefined : drive?.specs.definitions.get(id);
    const lines = place && drive?.specs.files.get(place.file)?.spec.lines;
    if (!drive || !lines) return undefined;
    const [start, end] = [lines.at(place.start), lines.at(place.end)];
    const selection = new vscode.Range(start.line - 1, start.column - 1, end.line - 1, end.column - 1);
    return { command: 'vscode.open', title: 'Open Spec', arguments: [drive.uri(place.file), { selection } satisfies vscode.TextDocumentShowOptions] };
  }

  #viewOf(drive: Drive): PoolView {
    const { model, plan, errors } = drive;
    const snapshot = this.sessions.at(drive.path)?.snapshot;
    return { drive: drive.path, folderName: drive.name, ...(model && { model }), ...(plan && { plan }), ...(snapshot && { snapshot }), errors };
  }

  #refresh(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#changed.fire(undefined);
    }, REFRESH_MS);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}

function specIdOf({ kind, name, label }: TreeNode): string | undefined {
  switch (kind) {
    case 'host':
      return occurrenceId('host', name);
    case 'array':
      return occurrenceId('array', label, name);
    case 'vm':
      return occurrenceId('vm', name);
    default:
      return undefined;
  }
}
