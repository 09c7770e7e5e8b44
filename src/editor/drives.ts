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
import { NO_PREVIOUS_PLACEMENT, previousPlacement, type PreviousPlacement } from '../backend/placement/inputs';
import { systemClock, systemRandom } from '../backend/system';
import type { PlanJson } from '../protocol';
import { EditorDrive } from './features/editorDrive';
import { placementOf, type Placement } from './features/placement';
import type { Planner } from './planner/planner';

/** Changes that follow each other faster, as a renaming's in many files, are shown together. */
const SHOW_EVERY_MS = 30;
/** Nobody reads a plan of half a number. */
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
  /** The plan from the placement that is written down, with the model it is of: `model`, or one from a moment ago. */
  placement: Placement | undefined;
  specs: EditorDrive = EditorDrive.of(new Map());

  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables: Disposable[] = [this.#changed];
  readonly #show = new Pace(SHOW_EVERY_MS, () => this.#shown());
  readonly #planSoon = new Pause(PLAN_AFTER_MS, () => void this.#replan());
  readonly #read = new Pause(READ_AFTER_MS, () => void this.read());
  #reading: Promise<void> = Promise.resolve();
  #previous: PreviousPlacement = NO_PREVIOUS_PLACEMENT;
  #planning: 'no' | 'yes' | 'again' = 'no';
  #disposed = false;

  /** After each change of specs, model or plan. */
  readonly onDidChange = this.#changed.event;

  constructor(
    /** The folder that holds `pxen.yaml`. */
    readonly root: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
    private readonly planner: Planner,
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
      this.#previous = previous;
      this.specs = EditorDrive.of(this.#withUnsaved(files), files.surroundings, files.unread, this.specs);
      this.#shown();
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

  /** One plan at a time: what changes meanwhile is planned when it is there. */
  async #replan(): Promise<void> {
    if (this.#planning !== 'no') {
      this.#planning = 'again';
      return;
    }
    do {
      this.#planning = 'yes';
      await this.#plan();
    } while (this.#wantsAnother());
    this.#planning = 'no';
  }

  #wantsAnother(): boolean {
    return this.#planning === 'again';
  }

  async #plan(): Promise<void> {
    const { model } = this;
    if (!model) return;
    const previous = this.#previous;
    try {
      this.placement = placementOf(model, await this.planner.plan(model, previous), previous);
      if (!this.#disposed) this.#changed.fire();
    } catch (error) {
      if (!this.#disposed) this.log.error(error instanceof Error ? error.message : String(error));
    }
  }

  dispose(): void {
    this.#disposed = true;
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

/** Calls back right after it was begun, but not again before a while has passed since: what began it meanwhile shares one call. */
class Pace implements Disposable {
  #timer: NodeJS.Timeout | undefined;
  #notBefore = 0;

  constructor(
    private readonly everyMs: number,
    private readonly callback: () => void,
  ) {}

  begin(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const started = systemClock.now();
      this.callback();
      // At least as long again as the call took, so that there is time left for all else.
      this.#notBefore = systemClock.now() + Math.max(this.everyMs, systemClock.now() - started);
    }, Math.max(0, this.#notBefore - systemClock.now()));
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
