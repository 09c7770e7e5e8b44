/** `state/leases.json`: what is lent of the range for strangers. */

import path from 'node:path';
import { writeFileAtomic } from './atomic';
import type { LeaseRecord } from './state';
import { encodeState, LEASES_FORMAT } from './stateFiles';
import { readState } from './stateStore';

const FILE = 'leases.json';

/** By address; none when none was ever lent. Rejects with a `StateFileError` that says what to do about a file that is damaged or can't be read. */
export async function readLeases(stateFolder: string): Promise<Readonly<Record<string, LeaseRecord>>> {
  return (await readState(path.join(stateFolder, FILE), LEASES_FORMAT)) ?? {};
}

export function writeLeases(stateFolder: string, leases: Readonly<Record<string, LeaseRecord>>): Promise<void> {
  return writeFileAtomic(path.join(stateFolder, FILE), encodeState({ leases }), { within: stateFolder });
}
