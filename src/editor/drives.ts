/** The drives of the workspace, as the window has them open. */

import * as path from 'node:path';
import * as vscode from 'vscode';
import type { PlanJson } from '../protocol';
import { OpenDrive, WATCHED_FILES } from './openDrive';
import type { PlanInput } from './planner/messages';
import type { Planner } from './planner/planner';

const LANGUAGE = 'pxen';

interface Disposable {
  dispose(): unknown;
}

export class Drive extends OpenDrive implements Disposable {
  readonly #disposables: readonly Disposable[];

  /** After each change of specs, model or plan. */
  readonly onDidChange: vscode.Event<void>;

  constructor(
    /** The folder that holds `pxen.yaml`. */
    readonly root: vscode.Uri,
    log: vscode.LogOutputChannel,
    planner: Planner,
  ) {
    const changed = new vscode.EventEmitter<void>();
    super(root.fsPath, {
      unsaved: () => this.unsaved().map((document) => [this.specFile(document.uri) ?? '', document.getText()]),
      plan: (input) => planner.plan(input),
      get prove() {
        return vscode.workspace.getConfiguration('pxen', root).get<boolean>('provePlans') === false ? undefined : (input: PlanInput, signal: AbortSignal) => planner.prove(input, signal);
      },
      changed: () => changed.fire(),
      warn: (message) => log.warn(message),
    });
    this.onDidChange = changed.event;
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(root, WATCHED_FILES));
    const touched = () => this.touched();
    this.#disposables = [changed, watcher, watcher.onDidChange((uri) => this.touched(this.specFile(uri))), watcher.onDidCreate(touched), watcher.onDidDelete(touched)];
  }

  get plan(): PlanJson | undefined {
    return this.placement?.plan;
  }

  get errors(): number {
    return this.specs.checked.problems.filter(({ severity }) => severity === 'error').length;
  }

  uri(file: string): vscode.Uri {
    return vscode.Uri.joinPath(this.root, file);
  }

  /** The file's name relative to the drive; undefined for a file outside, and for one that holds no spec. */
  specFile(uri: vscode.Uri): string | undefined {
    return uri.scheme === this.root.scheme ? this.fileAt(uri.fsPath) : undefined;
  }

  /** Specs with changes that aren't on disk yet. */
  unsaved(): readonly vscode.TextDocument[] {
    return vscode.workspace.textDocuments.filter((document) => document.isDirty && this.specFile(document.uri) !== undefined);
  }

  dispose(): void {
    this.close();
    for (const disposable of this.#disposables) disposable.dispose();
  }
}

export class Drives implements Disposable {
  readonly #drives = new Map<string, Drive>();
  readonly #changed = new vscode.EventEmitter<Drive>();
  readonly #removed = new vscode.EventEmitter<Drive>();
  readonly #disposables: Disposable[] = [this.#changed, this.#removed];
  #found: Promise<void> | undefined;

  /** After a drive was found, and after each change of one. */
  readonly onDidChange = this.#changed.event;
  readonly onDidRemove = this.#removed.event;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly planner: Planner,
  ) {
    const watcher = vscode.workspace.createFileSystemWatcher('**/pxen.yaml', false, true, false);
    this.#disposables.push(
      watcher,
      watcher.onDidCreate((uri) => void this.#add(parentOf(uri))),
      watcher.onDidDelete((uri) => this.#remove(parentOf(uri))),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.find()),
      vscode.workspace.onDidOpenTextDocument((document) => void this.#findAbove(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#edited(document)),
      // Closing drops what wasn't saved.
      vscode.workspace.onDidCloseTextDocument((document) => this.#closed(document)),
      // Of a folder's deletion and renaming the watcher tells nothing of the files in it.
      vscode.workspace.onDidDeleteFiles(() => void this.#prune()),
      vscode.workspace.onDidRenameFiles(() => void this.find()),
    );
  }

  /** Looks for drives as soon as the window has time for it. */
  begin(): void {
    this.#found ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.find())
      .catch((error: unknown) => this.log.error(error instanceof Error ? error.message : String(error)));
  }

  /** Resolves when the drives that the window opened with have been read: a command may be asked for before that. */
  async found(): Promise<void> {
    await this.#found;
  }

  /** By path. */
  get all(): readonly Drive[] {
    return [...this.#drives.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The drive that a file belongs to: the innermost one around it. */
  of(uri: vscode.Uri): Drive | undefined {
    return this.all.filter((drive) => drive.root.scheme === uri.scheme && isInside(drive.path, uri.fsPath)).reduce<Drive | undefined>((found, drive) => (found && found.path.length > drive.path.length ? found : drive), undefined);
  }

  at(folder: string): Drive | undefined {
    return this.#drives.get(folder);
  }

  /** Looks for drives in the workspace and around the specs that are open; those that are neither any more are let go. */
  async find(): Promise<void> {
    await this.#prune();
    const found = await vscode.workspace.findFiles('**/pxen.yaml', '**/node_modules/**');
    await Promise.all(found.map((uri) => this.#add(parentOf(uri))));
    await Promise.all(vscode.workspace.textDocuments.map((document) => this.#findAbove(document)));
  }

  /** The drive that a file belongs to, also one that isn't open yet: a spec may be open by itself, or with its folder alone. */
  async around(file: vscode.Uri): Promise<Drive | undefined> {
    for (let folder = parentOf(file); !this.of(file); folder = parentOf(folder)) {
      if (await exists(vscode.Uri.joinPath(folder, 'pxen.yaml'))) await this.#add(folder);
      else if (parentOf(folder).path === folder.path) return undefined;
    }
    return this.of(file);
  }

  async #findAbove({ languageId, uri }: vscode.TextDocument): Promise<void> {
    if (languageId === LANGUAGE && uri.scheme === 'file') await this.around(uri);
  }

  async #add(root: vscode.Uri): Promise<void> {
    if (root.scheme !== 'file' || this.#drives.has(root.fsPath)) return;
    const drive = new Drive(root, this.log, this.planner);
    this.#drives.set(root.fsPath, drive);
    drive.onDidChange(() => this.#changed.fire(drive));
    await drive.read();
  }

  #remove(root: vscode.Uri): void {
    const drive = this.#drives.get(root.fsPath);
    if (!drive) return;
    this.#drives.delete(root.fsPath);
    drive.dispose();
    this.#removed.fire(drive);
  }

  async #prune(): Promise<void> {
    for (const { root } of this.all) {
      const isWanted = vscode.workspace.getWorkspaceFolder(root) !== undefined || vscode.workspace.textDocuments.some(({ uri }) => this.of(uri)?.root === root);
      if (!isWanted || !(await exists(vscode.Uri.joinPath(root, 'pxen.yaml')))) this.#remove(root);
    }
  }

  #closed(document: vscode.TextDocument): void {
    const drive = this.of(document.uri);
    const file = drive?.specFile(document.uri);
    if (drive && file !== undefined) drive.touched(file);
  }

  #edited(document: vscode.TextDocument): void {
    const drive = this.of(document.uri);
    const file = drive?.specFile(document.uri);
    if (drive && file !== undefined) drive.edited(file, document.getText());
  }

  dispose(): void {
    for (const disposable of [...this.#disposables, ...this.#drives.values()]) disposable.dispose();
  }
}

function parentOf(uri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(uri, '..');
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch (error) {
    if (error instanceof vscode.FileSystemError) return false;
    throw error;
  }
}
