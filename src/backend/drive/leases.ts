/** `state/leases.json`: what is lent of the range for strangers. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from './atomic';
import type { LeaseRecord } from './state';
import { decodeState, encodeState, LEASES_FORMAT } from './stateFiles';

const FILE = 'leases.json';

/** By address; none when none was ever lent. Rejects with a `StateFileError` that says what to do about a damaged file. */
export async function readLeases(stateFolder: string): Promise<Readonly<Record<string, LeaseRecord>>> {
  const file = path.join(stateFolder, FILE);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  return decodeState(file, bytes, LEASES_FORMAT);
}

export function writeLeases(stateFolder: string, leases: Readonly<Record<string, LeaseRecord>>): Promise<void> {
  return writeFileAtomic(path.join(stateFolder, FILE), encodeState({ leases }));
}
