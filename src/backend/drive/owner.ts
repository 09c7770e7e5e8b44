/**
 * Whose files they are. `sudo pxen boot` writes on a drive that belongs to a person, who must be able to read the state
 * and the pool's key afterwards: what root makes there is given to the owner of the folder it is made in.
 */

import { constants } from 'node:fs';
import { access, lchown, mkdir, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { writing } from './writeError';

/**
 * Makes a folder and its missing parents, with the owner of the folder that was there. On FAT nobody owns anything.
 * Rejects with a `DriveWriteError` where nothing can be written.
 */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  const first = await writing(folder, () => makeFolders(folder, mode));
  if (first === undefined || !isRoot()) return;
  const { uid, gid } = await stat(path.dirname(first));
  for (let made = path.resolve(folder); made.length >= first.length; made = path.dirname(made)) await lchown(made, uid, gid).catch(ignoreUnowned);
}

async function makeFolders(folder: string, mode: number | undefined): Promise<string | undefined> {
  try {
    return await mkdir(folder, { recursive: true, ...(mode !== undefined && { mode }) });
  } catch (error) {
    // All that Node says of a file system that is mounted read-only: that the folder isn't there. access(2) tells.
    if (isMissing(error)) await access(await nearestAbove(folder), constants.W_OK);
    throw error;
  }
}

async function nearestAbove(folder: string): Promise<string> {
  const above = path.dirname(path.resolve(folder));
  try {
    await stat(above);
    return above;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return nearestAbove(above);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Gives an open file to the owner of the folder it lies in. */
export async function giveToOwnerOf(folder: string, handle: FileHandle): Promise<void> {
  if (!isRoot()) return;
  const { uid, gid } = await stat(folder);
  await handle.chown(uid, gid).catch(ignoreUnowned);
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** FAT drivers know no owners, and some refuse to hear of them. */
function ignoreUnowned(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM') throw error;
}
