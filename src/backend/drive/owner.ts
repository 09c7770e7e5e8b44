/**
 * Whose files they are. `sudo pxen boot` writes on a drive that belongs to a person, who must be able to read the state
 * and the pool's key afterwards: what root makes there is given to the owner of the folder it is made in.
 */

import { lchown, mkdir, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** Makes a folder and its missing parents, with the owner of the folder that was there. On FAT nobody owns anything. */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, ...(mode !== undefined && { mode }) });
  if (first === undefined || !isRoot()) return;
  const { uid, gid } = await stat(path.dirname(first));
  for (let made = path.resolve(folder); made.length >= first.length; made = path.dirname(made)) await lchown(made, uid, gid).catch(ignoreUnowned);
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
