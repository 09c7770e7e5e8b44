/** Writing files on a drive that may be pulled at any moment. */

import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export interface WriteOptions {
  /** Permission bits of the new file; FAT drives ignore them. */
  readonly mode?: number;
}

/**
 * Replaces a file as a whole: whoever reads it, also after a power cut, finds the old content or the new, never a mixture.
 * Makes the folder when it is missing. When it resolves, the new content is on the disk.
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  // In the same folder, since rename is atomic only within one filesystem.
  const temporary = path.join(folder, `${TEMPORARY_PREFIX}${path.basename(file)}-${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await handle.writeFile(content);
      // Before the rename: a filesystem may otherwise persist the new name ahead of the content (open(2), rename(2)).
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
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

/** Windows and some FAT drivers can't open or sync a folder; they order metadata themselves. */
function isUnsupported(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOSYS'].includes(code);
}
