/** Whether what was named as a drive can be one at all. */

import { stat } from 'node:fs/promises';

/** What is wrong, and what to do about it; both whole sentences. */
export interface FolderTrouble {
  readonly sentence: string;
  readonly remedy: string;
}

/** Undefined when it is a folder, whatever it holds. `drive` is named as it was written. */
export async function folderTrouble(drive: string): Promise<FolderTrouble | undefined> {
  try {
    return (await stat(drive)).isDirectory() ? undefined : { sentence: `${drive} isn't a folder.`, remedy: "Name the drive's folder." };
  } catch (error) {
    return { sentence: `The drive ${drive} can't be opened (${(error as Error).message}).`, remedy: 'Name an existing folder.' };
  }
}
