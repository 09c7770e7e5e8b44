/**
 * The drives of the workspace as they stand in the editor: texts that aren't saved yet lie over what is on disk. The one place
 * that reads specs for the window.
 */

import * as path from 'node:path';
import * as vscode from 'vscode';
import { readDriveFiles, type DriveFiles } from '../backend/drive/load';
import type { PoolModel } from '../backend/drive/model';
import { kindOfFile } from '../backend/drive/specFile';
import { openDriveState } from '../backend/drive/stateStore';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, previousPlacement, type PreviousPlacement } from '../backend/placement/inputs';
import { planPlacement } from '../backend/placement/plan';
import { systemClock, systemRandom } from '../backend/system';
import type { PlanJson } from '../protocol';
import { EditorDrive } from './features/editorDrive';

/** A change of the text shows after this pause in typing; a plan, which costs more, after a longer one. */
const SHOW_AFTER_MS = 30;
const PLAN_AFTER_MS = 150;
/** Git checkouts and builds change many files at once. */
const READ_AFTER_MS = 50;

const LANGUAGE = 'pxen';

interface Disposable {
  dispose(): unknown;
}

export class Drive implements Disposable {
  /** Of the specs as they stand, or as they last stood without errors. */
  model: PoolModel | undefined;
  /** Of `model`, from the placement that is written down. */
  plan: PlanJson | undefined;
  previous: PreviousPlacement = NO_PREVIOUS_PLACEMENT;
  specs: EditorDrive = EditorDrive.of(new Map());

  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables: Disposable[] = [this.#changed];
  readonly #show = new Pause(SHOW_AFTER_MS, () => this.#shown());
  readonly #planSoon = new Pause(PLAN_AFTER_MS, () => this.#replan());
  readonly #read = new Pause(READ_AFTER_MS, () => void this.read());
  #reading: Promise<void> = Promise.resolve();

  /** After each change of specs, model or plan. */
  readonly onDidChange = this.#changed.event;

  constructor(
    /** The folder that holds `pxen.yaml`. */
    readonly root: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(root, '{*.yaml,hosts/*,vms/*,images/*,images/*/manifest.json,disks/**,state/identity.json,state/placement.json}'));
    const readSoon = () => this.#read.begin();
    this.#disposables.push(watcher, watcher.onDidChange(readSoon), watcher.onDidCreate(readSoon), watcher.onDidDelete(readSoon), this.#show, this.#planSoon, this.#read);
  }

  get path(): string {
    return this.root.fsPath;
  }

  /** What to call it: the pool's name once it is known. */
  get name(): string {
    return this.model?.cluster.name ?? path.basename(this.path);
  }

  get errors(): number {
    return this.specs.checked.problems.filter(({ severity }) => severity === 'error').length;
  }

  uri(file: string): vscode.Uri {
    return vscode.Uri.joinPath(this.root, file);
  }

  /** The file's name relative to the drive; undefined for a file outside, and for one that holds no spec. */
  specFile(uri: vscode.Uri): string | undefined {
    if (uri.scheme !== this.root.scheme) return undefined;
    const relative = path.relative(this.path, uri.fsPath).split(path.sep).join('/');
    return kindOfFile(relative) === undefined ? undefined : relative;
  }

  /** Specs with changes that aren't on disk yet. */
  unsaved(): readonly vscode.TextDocument[] {
    return vscode.workspace.textDocuments.filter((document) => document.isDirty && this.specFile(document.uri) !== undefined);
  }

  edited(file: string, text: string): void {
    this.specs = this.specs.with(file, text);
    this.#show.begin();
  }

  /** Reads the drive anew; one reading after the other. */
  read(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      const [files, previous] = await Promise.all([readDriveFiles(this.path), this.#readPlacement()]);
      this.previous = previous;
      this.specs = EditorDrive.of(this.#withUnsaved(files), files.surroundings, files.unread, this.specs);
      this.#shown();
      this.#replan();
    });
    return this.#reading;
  }

  #withUnsaved({ texts }: DriveFiles): ReadonlyMap<string, string> {
    const unsaved = this.unsaved().map((document): [string, string] => [this.specFile(document.uri) ?? '', document.getText()]);
    return new Map([...texts, ...unsaved]);
  }

  async #readPlacement(): Promise<PreviousPlacement> {
    try {
      return previousPlacement(await openDriveState(path.join(this.path, 'state'), systemClock, systemRandom).placement());
    } catch (error) {
      this.log.warn(error instanceof Error ? error.message : String(error));
      return NO_PREVIOUS_PLACEMENT;
    }
  }

  #shown(): void {
    const { model } = this.specs.checked;
    if (model) {
      this.model = model;
      this.#planSoon.begin();
    }
    this.#changed.fire();
  }

  #replan(): void {
    if (!this.model) return;
    this.plan = planPlacement(this.model, EMPTY_INVENTORY, this.previous);
    this.#changed.fire();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }
}

export class Drives implements Disposable {
  readonly #drives = new Map<string, Drive>();
  readonly #changed = new vscode.EventEmitter<Drive>();
  readonly #removed = new vscode.EventEmitter<Drive>();
  readonly #disposables: Disposable[] = [this.#changed, this.#removed];

  /** After a drive was found, and after each change of one. */
  readonly onDidChange = this.#changed.event;
  readonly onDidRemove = this.#removed.event;

  constructor(private readonly log: vscode.LogOutputChannel) {
    const watcher = vscode.workspace.createFileSystemWatcher('**/pxen.yaml', false, true, false);
    this.#disposables.push(
      watcher,
      watcher.onDidCreate((uri) => void this.#add(parentOf(uri))),
      watcher.onDidDelete((uri) => this.#remove(parentOf(uri))),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.find()),
      vscode.workspace.onDidOpenTextDocument((document) => void this.#findAbove(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#edited(document)),
      // Closing drops what wasn't saved.
      vscode.workspace.onDidCloseTextDocument((document) => void this.of(document.uri)?.read()),
    );
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

  /** Looks for drives in the workspace and around the specs that are open. */
  async find(): Promise<void> {
    const found = await vscode.workspace.findFiles('**/pxen.yaml', '**/node_modules/**');
    await Promise.all(found.map((uri) => this.#add(parentOf(uri))));
    await Promise.all(vscode.workspace.textDocuments.map((document) => this.#findAbove(document)));
  }

  /** A spec may be open without its drive: its folder alone, or the file by itself. */
  async #findAbove(document: vscode.TextDocument): Promise<void> {
    if (document.languageId !== LANGUAGE || document.uri.scheme !== 'file' || this.of(document.uri)) return;
    for (let folder = parentOf(document.uri); ; folder = parentOf(folder)) {
      if (await exists(vscode.Uri.joinPath(folder, 'pxen.yaml'))) return this.#add(folder);
      if (parentOf(folder).path === folder.path) return;
    }
  }

  async #add(root: vscode.Uri): Promise<void> {
    if (root.scheme !== 'file' || this.#drives.has(root.fsPath)) return;
    const drive = new Drive(root, this.log);
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

  #edited(document: vscode.TextDocument): void {
    const drive = this.of(document.uri);
    const file = drive?.specFile(document.uri);
    if (drive && file !== undefined) drive.edited(file, document.getText());
  }

  dispose(): void {
    for (const disposable of [...this.#disposables, ...this.#drives.values()]) disposable.dispose();
  }
}

/** Calls back once nothing has begun it anew for a while. */
class Pause implements Disposable {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delayMs: number,
    private readonly callback: () => void,
  ) {}

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.callback, this.delayMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

function parentOf(uri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(uri, '..');
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return !relative.startsWith('..') && !path.isAbsolute(relative);
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
