/** The drives that a client works on: those in its workspace folders, and those around the specs it has open. */

import { readdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TextDocuments } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { EditorDrive } from '../editor/features/editorDrive';
import { OpenDrive, type Desk } from '../editor/openDrive';

/** A spec the client asks about, and its drive with the very text that it has. */
export interface OpenSpec {
  readonly drive: OpenDrive;
  readonly path: string;
  readonly specs: EditorDrive;
  readonly file: string;
  readonly document: TextDocument;
}

export interface LspDrivesOptions {
  readonly documents: TextDocuments<TextDocument>;
  readonly plan: Desk['plan'];
  readonly prove: Desk['prove'];
  readonly warn: (message: string) => void;
  readonly changed: (drive: OpenDrive) => void;
  readonly removed: (drive: OpenDrive) => void;
}

/** How far below a workspace folder a drive may lie. */
const DEPTH = 3;

export class LspDrives {
  readonly #drives = new Map<string, OpenDrive>();
  /** The workspace's. */
  readonly #folders = new Set<string>();
  #looking: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: LspDrivesOptions) {}

  get all(): readonly OpenDrive[] {
    return [...this.#drives.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Until all that was opened so far has found its drive: clients ask at once. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  /** Undefined for a document of no drive, and for one that holds no spec. */
  specOf(uri: string): OpenSpec | undefined {
    const document = this.options.documents.get(uri);
    const absolute = pathOf(uri);
    const drive = absolute === undefined ? undefined : this.#around(absolute);
    const file = absolute === undefined ? undefined : drive?.fileAt(absolute);
    return document && drive && file !== undefined ? { drive, path: drive.path, file, document, specs: drive.specs.with(file, document.getText()) } : undefined;
  }

  /** In a workspace folder and below it. */
  findIn(folder: string): Promise<void> {
    this.#folders.add(folder);
    return this.#look(() => this.#find(folder, DEPTH));
  }

  async #find(folder: string, depth: number): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      this.options.warn(`${folder} can't be looked into (${error instanceof Error ? error.message : String(error)}).`);
      return [];
    });
    if (entries.some(({ name }) => name === 'pxen.yaml')) await this.#add(folder);
    const below = depth === 0 ? [] : entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules');
    for (const { name } of below) await this.#find(path.join(folder, name), depth - 1);
  }

  /** The drive that a document belongs to, which needn't be in any workspace folder. */
  opened(uri: string): Promise<void> {
    const absolute = pathOf(uri);
    return absolute === undefined ? Promise.resolve() : this.#look(() => this.#findAround(absolute));
  }

  async #findAround(absolute: string): Promise<void> {
    for (let folder = path.dirname(absolute); !this.#around(absolute); folder = path.dirname(folder)) {
      if (await isFile(path.join(folder, 'pxen.yaml'))) await this.#add(folder);
      if (path.dirname(folder) === folder) return;
    }
  }

  edited(document: TextDocument): void {
    const spec = this.specOf(document.uri);
    spec?.drive.edited(spec.file, document.getText());
  }

  /** A file changed on disk, or a document was closed without its changes. */
  async touched(uri: string): Promise<void> {
    const absolute = pathOf(uri);
    if (absolute === undefined) return;
    if (path.basename(absolute) === 'pxen.yaml') {
      const folder = path.dirname(absolute);
      if (await isFile(absolute)) await this.#add(folder);
      else this.#remove(folder);
    }
    this.#around(absolute)?.touched();
  }

  /** A workspace folder was closed: drives that are in none any more are let go, unless one of their specs is open. */
  forgetIn(folder: string): void {
    this.#folders.delete(folder);
    for (const drive of this.all) if (![...this.#folders].some((other) => isIn(other, drive.path)) && this.#textsOf(drive).next().done === true) this.#remove(drive.path);
  }

  close(): void {
    for (const drive of this.#drives.values()) drive.close();
  }

  /** One after the other. What goes wrong is the asker's to tell; those after it go on. */
  #look(find: () => Promise<void>): Promise<void> {
    const found = this.#looking.then(find);
    this.#looking = found.catch(() => undefined);
    return found;
  }

  async #add(folder: string): Promise<void> {
    if (this.#drives.has(folder)) return;
    const { plan, prove, warn, changed } = this.options;
    const drive: OpenDrive = new OpenDrive(folder, { plan, prove, warn, changed: () => changed(drive), unsaved: () => this.#textsOf(drive) });
    this.#drives.set(folder, drive);
    await drive.read();
  }

  #remove(folder: string): void {
    const drive = this.#drives.get(folder);
    if (!drive) return;
    this.#drives.delete(folder);
    drive.close();
    this.options.removed(drive);
  }

  /** What the client has open is the truth, saved or not. */
  *#textsOf(drive: OpenDrive): Generator<readonly [string, string]> {
    for (const document of this.options.documents.all()) {
      const absolute = pathOf(document.uri);
      const file = absolute !== undefined && this.#around(absolute) === drive ? drive.fileAt(absolute) : undefined;
      if (file !== undefined) yield [file, document.getText()];
    }
  }

  /** The innermost drive. */
  #around(absolute: string): OpenDrive | undefined {
    return this.all.filter((drive) => absolute.startsWith(`${drive.path}${path.sep}`)).reduce<OpenDrive | undefined>((found, drive) => (found && found.path.length > drive.path.length ? found : drive), undefined);
  }
}

/** Undefined for what is no file: an untitled document, one in an archive. */
export function pathOf(uri: string): string | undefined {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
  } catch (error) {
    // A file of another machine, as `file://server/share/…` is where there are no such paths.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function isIn(folder: string, drive: string): boolean {
  return drive === folder || drive.startsWith(`${folder}${path.sep}`);
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
