/** Whether what was named as a drive can be one at all. */

import { readdir } from 'node:fs/promises';

/** What is wrong, and what to do about it; both whole sentences. */
export interface FolderTrouble {
  readonly sentence: string;
  readonly remedy: string;
}

/** Undefined when it is a folder that may be read, whatever it holds. `drive` is named as it was written. */
export async function folderTrouble(drive: string): Promise<FolderTrouble | undefined> {
  try {
    await readdir(drive);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return { sentence: `${drive} isn't a folder.`, remedy: "Name the drive's folder." };
    const isForbidden = code === 'EACCES' || code === 'EPERM';
    return { sentence: `The drive ${drive} can't be opened (${message}).`, remedy: isForbidden ? 'Run pxen as the user whom it belongs to, or give it to this one (chown).' : 'Name an existing folder.' };
  }
}
