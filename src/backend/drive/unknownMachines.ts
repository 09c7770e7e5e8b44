/** `state/unknown-machines.json`: the machines that asked the boot server for something and aren't on the drive. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { UnknownMachine } from '../../protocol';
import { writeFileAtomic } from './atomic';
import { decodeState, encodeState, UNKNOWN_MACHINES_FORMAT } from './stateFiles';

const FILE = 'unknown-machines.json';

/** Newest first; none when none was ever heard. Rejects with a `StateFileError` that says what to do about a damaged file. */
export async function readUnknownMachines(stateFolder: string): Promise<readonly UnknownMachine[]> {
  const file = path.join(stateFolder, FILE);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return decodeState(file, bytes, UNKNOWN_MACHINES_FORMAT);
}

export function writeUnknownMachines(stateFolder: string, machines: readonly UnknownMachine[]): Promise<void> {
  const byMac = Object.fromEntries(machines.map(({ mac, ...machine }) => [mac, machine]));
  return writeFileAtomic(path.join(stateFolder, FILE), encodeState({ machines: byMac }));
}
