/** `state/unknown-machines.json`: the machines that asked the boot server for something and aren't on the drive. */

import path from 'node:path';
import type { UnknownMachine } from '../../protocol';
import { writeFileAtomic } from './atomic';
import { encodeState, UNKNOWN_MACHINES_FORMAT } from './stateFiles';
import { readState } from './stateStore';

const FILE = 'unknown-machines.json';

/** Newest first; none when none was ever heard. Rejects with a `StateFileError` that says what to do about a file that is damaged or can't be read. */
export async function readUnknownMachines(stateFolder: string): Promise<readonly UnknownMachine[]> {
  return (await readState(path.join(stateFolder, FILE), UNKNOWN_MACHINES_FORMAT)) ?? [];
}

export function writeUnknownMachines(stateFolder: string, machines: readonly UnknownMachine[]): Promise<void> {
  const byMac = Object.fromEntries(machines.map(({ mac, ...machine }) => [mac, machine]));
  return writeFileAtomic(path.join(stateFolder, FILE), encodeState({ machines: byMac }), { within: stateFolder });
}
