/** Reads a drive from its folder. Which files, and what they hold, is found out here; what it means, in `read.ts`. */

import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isUuid } from './identity';
import * as problems from './problems';
import type { Problem } from './problems';
import { checkDrive, type ReadDrive, type Surroundings } from './read';
import { FILES_OF_KIND, kindOfFile, MAX_SPEC_BYTES, readSpecFile } from './specFile';

export interface LoadedDrive extends ReadDrive {
  /** Absolute. */
  readonly root: string;
}

/** Never rejects for what a drive holds: a file that can't be read is a problem like others. */
export async function loadDrive(root: string): Promise<LoadedDrive> {
  const { texts, unread, surroundings } = await readDriveFiles(root);
  const files = [...texts].map(([file, text]) => readSpecFile(file, text));
  return { root: path.resolve(root), ...checkDrive(files, surroundings, unread) };
}

/** What lies on a drive, before anything is made of it. */
export interface DriveFiles {
  /** Specs by file name, relative to the drive. */
  readonly texts: ReadonlyMap<string, string>;
  readonly surroundings: Surroundings;
  /** Of what couldn't be read. */
  readonly unread: readonly Problem[];
}

/** Never rejects for what a drive holds. */
export async function readDriveFiles(root: string): Promise<DriveFiles> {
  const absolute = path.resolve(root);
  const listed = await listSpecFiles(absolute);
  const read = await Promise.all(listed.specs.map((file) => readSpecText(absolute, file)));
  const around = await surroundingsOf(absolute);
  return {
    texts: new Map(read.flatMap((result): [string, string][] => ('text' in result ? [[result.file, result.text]] : []))),
    surroundings: around.surroundings,
    unread: [...listed.problems, ...read.flatMap((result) => ('problem' in result ? result.problem : [])), ...around.problems],
  };
}

/** Images, disk files and the identity, as far as checks of the specs need them. */
export async function surroundingsOf(root: string): Promise<{ readonly surroundings: Surroundings; readonly problems: readonly Problem[] }> {
  try {
    return { surroundings: await readSurroundings(root), problems: [] };
  } catch (error) {
    const { path: where, message } = error as NodeJS.ErrnoException;
    return { surroundings: {}, problems: [problems.fileUnreadable({ file: where === undefined ? '.' : drivePath(root, where), start: 0, end: 0 }, message)] };
  }
}

async function readSurroundings(root: string): Promise<Surroundings> {
  const [imageEntries, diskEntries, driveId] = await Promise.all([entriesOf(path.join(root, 'images')), filesBelow(root, 'disks'), readDriveId(root)]);
  const images = await Promise.all((imageEntries ?? []).filter((entry) => entry.isDirectory()).map(async ({ name }) => ((await isFile(path.join(root, 'images', name, 'manifest.json'))) ? [name] : [])));
  return {
    ...(imageEntries && { images: images.flat().sort() }),
    ...(diskEntries && { diskFiles: diskEntries }),
    ...(driveId !== undefined && { driveId }),
  };
}

interface SpecListing {
  readonly specs: readonly string[];
  readonly problems: readonly Problem[];
}

async function listSpecFiles(root: string): Promise<SpecListing> {
  const found: Problem[] = [];
  const inFolder = async (folder: string, below: 'with what is below' | 'alone'): Promise<readonly string[]> => {
    try {
      // Names with a leading dot are other systems' (macOS writes `._name` beside each file on a FAT drive) or cut-off writes.
      const entries = ((await entriesOf(path.join(root, folder))) ?? []).filter(({ name }) => !name.startsWith('.'));
      const pathOf = ({ name }: Dirent) => (folder === '' ? name : `${folder}/${name}`);
      const nested = below === 'alone' ? [] : await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => inFolder(pathOf(entry), below)));
      return [...entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(pathOf), ...nested.flat()];
    } catch (error) {
      // What is deeper is no spec, and only looked at for what was meant as one.
      if (!folder.includes('/')) found.push(problems.fileUnreadable({ file: folder === '' ? '.' : folder, start: 0, end: 0 }, (error as Error).message));
      return [];
    }
  };
  const [top, hosts, vms] = await Promise.all([inFolder('', 'alone'), inFolder('hosts', 'with what is below'), inFolder('vms', 'with what is below')]);
  const candidates = [...top.filter((file) => kindOfFile(file) === 'Cluster' || NAMED_LIKE_CLUSTER.test(file) || NAMED_LIKE_SPEC.test(file)), ...hosts, ...vms].sort();
  const specs = candidates.filter((file) => kindOfFile(file) !== undefined);
  return { specs, problems: [...found, ...misnamed(candidates, specs), ...caseClashes(specs)] };
}

/** Notepad ends names in `.txt`, and Windows hides that. */
const LIKE_YAML = /\.ya?ml(?:\.txt)?$/i;
const NAMED_LIKE_SPEC = /\.(?:host|vm)\.ya?ml(?:\.txt)?$/i;
const NAMED_LIKE_CLUSTER = /^pxen\.(?:yml|ya?ml\.txt)$/i;

/** Whoever wrote such a file believes that its host or VM is there. What no name makes a spec isn't spoken of. */
function misnamed(candidates: readonly string[], specs: readonly string[]): readonly Problem[] {
  const taken = new Set(specs.map((file) => file.toLowerCase()));
  return candidates
    // Deeper down lie other files as well, such as guests' cloud-init.
    .filter((file) => kindOfFile(file) === undefined && (file.split('/').length > 2 ? NAMED_LIKE_SPEC : LIKE_YAML).test(file))
    .map((file) => {
      const expected = expectedName(file, taken);
      taken.add(expected.toLowerCase());
      return problems.fileName({ file, start: 0, end: 0 }, expected);
    });
}

/** A free one where files of several folders have one name: `vms/web/a.yaml` → `vms/a.vm.yaml`, else `vms/web-a.vm.yaml`. */
function expectedName(file: string, taken: ReadonlySet<string>): string {
  const [, kind] = /\.(host|vm)\.ya?ml(?:\.txt)?$/i.exec(file) ?? [];
  const steps = file.replace(LIKE_YAML, '').replace(/\.(?:host|vm)$/i, '').split('/');
  if (steps.length === 1 && kind === undefined) return FILES_OF_KIND.Cluster;
  const isHost = kind === undefined ? file.startsWith('hosts/') : kind.toLowerCase() === 'host';
  const named = (stem: string) => (isHost ? `hosts/${stem}.host.yaml` : `vms/${stem}.vm.yaml`);
  const short = named(steps.at(-1) ?? '');
  return taken.has(short.toLowerCase()) && steps.length > 2 ? named(steps.slice(1).join('-')) : short;
}

function caseClashes(files: readonly string[]): readonly Problem[] {
  const alike = new Map<string, string[]>();
  for (const file of files) alike.set(file.toLowerCase(), [...(alike.get(file.toLowerCase()) ?? []), file]);
  return [...alike.values()].flatMap(([first, second, ...more]) => {
    if (first === undefined || second === undefined) return [];
    return [first, second, ...more].map((file) => problems.fileCase({ file, start: 0, end: 0 }, file === first ? second : first));
  });
}

/** One spec of the drive: its text, or why it can't be had. */
export async function readSpecText(root: string, file: string): Promise<{ readonly file: string; readonly text: string } | { readonly problem: Problem }> {
  const place = { file, start: 0, end: 0 };
  let bytes: Buffer;
  try {
    const status = await stat(path.join(root, file));
    if (!status.isFile()) return { problem: problems.fileUnreadable(place, "it isn't a regular file") };
    if (status.size > MAX_SPEC_BYTES) return { problem: problems.fileTooLarge(place, MAX_SPEC_BYTES) };
    bytes = await readFile(path.join(root, file));
  } catch (error) {
    return { problem: problems.fileUnreadable(place, (error as Error).message) };
  }
  try {
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof TypeError && (error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { problem: problems.fileEncoding(place, encodingFound(bytes)) };
    throw error;
  }
}

function encodingFound(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') return 'it begins like UTF-16, as Windows editors write it';
  return 'it may be in Latin-1 or not text at all';
}

/** Undefined when there is no such folder. */
async function entriesOf(folder: string): Promise<readonly Dirent[] | undefined> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function filesBelow(root: string, folder: string): Promise<readonly string[] | undefined> {
  const entries = await entriesOf(path.join(root, folder));
  if (!entries) return undefined;
  const nested = await Promise.all(entries.map(async (entry) => (entry.isDirectory() ? ((await filesBelow(root, `${folder}/${entry.name}`)) ?? []) : [`${folder}/${entry.name}`])));
  return nested.flat().sort();
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** A damaged identity is told of where it is needed (`stateStore.ts`); specs can be checked without it. */
async function readDriveId(root: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(root, 'state', 'identity.json'), 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  const driveId = /"driveId"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  return driveId !== undefined && isUuid(driveId) ? driveId : undefined;
}

function drivePath(root: string, absolute: string): string {
  return path.relative(root, absolute).split(path.sep).join('/');
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
