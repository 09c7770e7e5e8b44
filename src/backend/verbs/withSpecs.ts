/** A drive, as if more specs lay on it: those of `pxen plan --with`. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { loadDrive, readDriveFiles, type LoadedDrive } from '../drive/load';
import { checkDrive } from '../drive/read';
import { readSpecFile, type SpecDocument, type SpecFile } from '../drive/specFile';

/** A spec file that was named and can't be read; the message names it. */
export class UnreadableSpecError extends Error {}

/**
 * The drive with the documents of these files, each in place of the drive's own of the same kind and name. A file may hold hosts and VMs side by side.
 * Problems tell a file's path as it is written in `files`. Throws `UnreadableSpecError`.
 */
export async function loadDriveWith(drive: string, files: readonly string[]): Promise<LoadedDrive> {
  if (files.length === 0) return loadDrive(drive);
  const { texts, unread, surroundings } = await readDriveFiles(drive);
  const given = await Promise.all([...new Set(files)].map(async (file, index) => ({ file, spec: await readGiven(file, index) })));
  const replaced = new Set(given.flatMap(({ spec }) => spec.documents.flatMap((document) => identity(document) ?? [])));
  const own = [...texts].map(([file, text]) => withoutDocuments(readSpecFile(file, text), replaced));
  const read = checkDrive([...own, ...given.map(({ spec }) => spec)], surroundings, unread);
  const asWritten = (text: string) => given.reduce((words, { file, spec }) => words.replaceAll(spec.file, () => file), text);
  return { ...read, root: path.resolve(drive), problems: read.problems.map((problem) => ({ ...problem, file: asWritten(problem.file), message: asWritten(problem.message) })) };
}

async function readGiven(file: string, index: number): Promise<SpecFile> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UnreadableSpecError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  // Meanwhile it has a name that no file of the drive can have.
  const spec = readSpecFile(`vms/\0${index}.vm.yaml`, text);
  // Where on the drive a document belongs is no matter for one that isn't there.
  return { ...spec, problems: spec.problems.filter(({ code }) => code !== 'kind-misplaced') };
}

function withoutDocuments(spec: SpecFile, replaced: ReadonlySet<string>): SpecFile {
  return { ...spec, documents: spec.documents.filter((document) => !replaced.has(identity(document) ?? '')) };
}

/** There is one cluster, whatever its name. */
function identity({ kind, name }: SpecDocument): string | undefined {
  if (kind === 'Cluster') return kind;
  return kind === undefined || name === undefined ? undefined : `${kind} ${name}`;
}
