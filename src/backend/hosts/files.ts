/** Small files on a host, read and written so that a power cut leaves either the old or the new one. */

import { DISK_SILENCE_MS, must, type Dom0Shell } from './shell';

const FULL = 'The filesystem may be full or read-only: see df and the kernel log on the host.';

/** Writes beside the file, syncs, renames, syncs the folder. Makes the folder when it is missing. */
export async function writeFileAtomically(shell: Dom0Shell, path: string, content: string, signal: AbortSignal): Promise<void> {
  const part = `${path}.part`;
  const folder = path.slice(0, path.lastIndexOf('/'));
  const tried = `write ${path}`;
  await makeFolder(shell, folder, signal);
  await must(shell, { command: ['dd', `of=${part}`, 'conv=fsync', 'status=none'], stdin: content, tried, remedy: FULL, silenceMs: DISK_SILENCE_MS }, signal);
  await must(shell, { command: ['mv', '--no-target-directory', part, path], tried, remedy: FULL }, signal);
  await syncFolder(shell, folder, signal);
}

export async function makeFolder(shell: Dom0Shell, path: string, signal: AbortSignal): Promise<void> {
  await must(shell, { command: ['mkdir', '--parents', path], tried: `make the folder ${path}`, remedy: FULL }, signal);
}

/** A rename survives a power cut only when its folder is synced too (fsync(2)). */
export async function syncFolder(shell: Dom0Shell, folder: string, signal: AbortSignal): Promise<void> {
  await must(shell, { command: ['sync', folder], tried: `sync ${folder}`, remedy: FULL, silenceMs: DISK_SILENCE_MS }, signal);
}

/**
 * The files `depth` folders below `top` whose name fits `name` (find(1)'s pattern). A folder that can't be read is an error,
 * not an empty list: what isn't seen may still be there.
 */
export async function findFiles(shell: Dom0Shell, top: string, depth: number, name: string, signal: AbortSignal): Promise<readonly string[]> {
  const printed = await must(shell, { command: findCommand(top, depth, name), tried: `look through ${top}`, remedy: 'The filesystem may be damaged: see the kernel log on the host.', silenceMs: DISK_SILENCE_MS }, signal);
  return printed.split('\n').filter((line) => line !== '');
}

export interface FoundLine {
  readonly path: string;
  readonly line: string;
}

/** As `findFiles`, and what is in them, line by line, in one go. */
export async function readFoundFiles(shell: Dom0Shell, top: string, depth: number, name: string, signal: AbortSignal): Promise<readonly FoundLine[]> {
  const printed = await must(
    shell,
    { command: [...findCommand(top, depth, name), '-exec', 'grep', '--with-filename', '.', '{}', '+'], tried: `read ${name} below ${top}`, remedy: 'The filesystem may be damaged: see the kernel log on the host.', silenceMs: DISK_SILENCE_MS },
    signal,
  );
  return printed.split('\n').flatMap((line) => {
    const at = line.indexOf(':');
    return at < 0 ? [] : [{ path: line.slice(0, at), line: line.slice(at + 1) }];
  });
}

function findCommand(top: string, depth: number, name: string) {
  return ['find', top, '-mindepth', String(depth), '-maxdepth', String(depth), '-type', 'f', '-name', name] as const;
}

export async function readFile(shell: Dom0Shell, path: string, signal: AbortSignal): Promise<string> {
  return must(shell, { command: ['cat', path], tried: `read ${path}`, remedy: 'The filesystem may be damaged: see the kernel log on the host.' }, signal);
}
