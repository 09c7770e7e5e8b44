/** Writing files on a drive that may be pulled at any moment. */

import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { giveToOwnerOf, makeFolder } from './owner';
import { driveGone, writing } from './writeError';

export interface WriteOptions {
  /** Permission bits of the new file; FAT drives ignore them. */
  readonly mode?: number;
  /**
   * False: it isn't waited for until all is on the disk, which takes a flash drive a while. What a power cut leaves may then be cut off; `makeDurable`
   * makes up for it.
   */
  readonly durable?: boolean;
  /**
   * The state folder of a drive, or one in it: it must be there, or may be made beside the drive's specs. Of a drive that was pulled the empty
   * mount point is left, and what is written to that is lost.
   */
  readonly within?: string;
}

/**
 * Replaces a file as a whole: whoever reads it, also after a power cut if it is durable, finds the old content or the new, never
 * a mixture. Makes the folder when it is missing. When it resolves, what is durable is on the disk. Rejects with a `DriveWriteError` where
 * nothing can be written.
 */
export function writeFileAtomic(file: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
  return writing(file, () => writeThenPut(file, content, options, rename));
}

/**
 * Like `writeFileAtomic`, but only where no such file exists: of several processes that try, one succeeds.
 * Resolves to whether this one did.
 */
export async function createFileAtomic(file: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<boolean> {
  try {
    await writing(file, () => writeThenPut(file, content, options, putIfAbsent));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Resolves when a file that was written without waiting for the disk is on it, by its name. */
export async function makeDurable(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(path.dirname(file));
}

async function writeThenPut(file: string, content: string | Uint8Array, options: WriteOptions, put: (temporary: string, file: string) => Promise<void>): Promise<void> {
  const folder = path.dirname(file);
  if (options.within !== undefined && !(await exists(options.within)) && !(await exists(path.join(path.dirname(options.within), 'pxen.yaml')))) throw driveGone(file);
  await makeFolder(folder);
  // In the same folder, since rename is atomic only within one filesystem.
  const temporary = path.join(folder, `${TEMPORARY_PREFIX}${path.basename(file)}-${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await giveToOwnerOf(folder, handle);
      await handle.writeFile(content);
      // Before the rename: a filesystem may otherwise persist the new name ahead of the content (open(2), rename(2)).
      if (options.durable !== false) await handle.sync();
    } finally {
      await handle.close();
    }
    await put(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.durable !== false) await syncFolder(folder);
}

/** link(2) refuses to replace. FAT has no links: there, looking first leaves a moment in which another may come in between. */
async function putIfAbsent(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    await refuseExisting(file);
    await rename(temporary, file);
    return;
  }
  await rm(temporary);
}

async function refuseExisting(file: string): Promise<void> {
  if (await exists(file)) throw Object.assign(new Error(`${file} exists`), { code: 'EEXIST' });
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A leading dot keeps what a cut-off write leaves behind out of every listing of specs. */
const TEMPORARY_PREFIX = '.pxen-tmp-';

/** Makes the renames in a folder durable, where the system lets a folder be opened and synced. */
async function syncFolder(folder: string): Promise<void> {
  let handle;
  try {
    handle = await open(folder, 'r');
  } catch (error) {
    if (isUnsupported(error)) return;
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  } finally {
    await handle.close();
  }
}

/** Windows and FAT drivers have no links, and can't open or sync a folder; they order metadata themselves. */
function isUnsupported(error: unknown): boolean {
  return ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOSYS'].includes(errorCode(error) ?? '');
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
