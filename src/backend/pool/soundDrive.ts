/** A drive to work with: it is there, and its specs have no errors. */

import { folderTrouble } from '../drive/driveFolder';
import { loadDrive, type LoadedDrive } from '../drive/load';
import type { PoolModel } from '../drive/model';
import { DriveInvalidError, PoolError } from './errors';

/** Rejects with a `PoolError`. */
export async function loadSoundDrive(root: string): Promise<LoadedDrive & { readonly model: PoolModel }> {
  const trouble = await folderTrouble(root);
  if (trouble !== undefined) throw new PoolError(trouble.sentence, trouble.remedy);
  const loaded = await loadDrive(root);
  const { model } = loaded;
  if (model === undefined) throw new DriveInvalidError(root, loaded.problems);
  return { ...loaded, model };
}
