/** The drive's `state/` folder. Formats are in `stateFiles.ts`; here is where and when they are read and written. */

import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Clock, Random } from '../system';
import { createFileAtomic, writeFileAtomic } from './atomic';
import { randomUuid } from './identity';
import { giveToOwnerOf, makeFolder } from './owner';
import type { DriveIdentity, DriveState, Journal, PlacementLock } from './state';
import { decodeState, encodeState, HOST_BOOT_FORMAT, IDENTITY_FORMAT, PLACEMENT_FORMAT, StateFileError, type StateFormat } from './stateFiles';
import { writing } from './writeError';

/** Nothing is read or made until it is asked for. Reading a damaged file rejects with a StateFileError. */
export function openDriveState(folder: string, clock: Clock, random: Random): DriveState {
  const identityFile = path.join(folder, 'identity.json');
  const placementFile = path.join(folder, 'placement.json');
  const hostFile = (host: string) => path.join(folder, 'hosts', `${checkedName(host)}.json`);
  const inTurn = oneAtATime();

  const readOrMakeIdentity = async (): Promise<DriveIdentity> => {
    const present = await readState(identityFile, IDENTITY_FORMAT);
    if (present) return present;
    // A new identity beside an old placement would give every VM another UUID, and no array would be its own.
    if (await exists(placementFile)) throw new StateFileError(identityFile, `it is missing, though ${placementFile} exists`, IDENTITY_FORMAT.remedy);
    const made = { driveId: randomUuid(random), createdAt: isoTime(clock) };
    // Whoever else makes one at this moment: all take the one that came first.
    return (await createFileAtomic(identityFile, encodeState(made), { within: folder })) ? made : readOrMakeIdentity();
  };

  return {
    folder,
    identity: () => inTurn(readOrMakeIdentity),
    placement: () => inTurn(async () => (await readState(placementFile, PLACEMENT_FORMAT)) ?? NOTHING_PLACED),
    writePlacement: (lock) => inTurn(() => writeFileAtomic(placementFile, encodeState(lock), { within: folder })),
    hostBoot: (host) => inTurn(() => readState(hostFile(host), HOST_BOOT_FORMAT)),
    // Holds the hash of a token that is still good: not for every user's eyes.
    writeHostBoot: (host, record) => inTurn(() => writeFileAtomic(hostFile(host), encodeState(record), { mode: 0o600, within: folder })),
    openJournal: (startedAt) => openJournal(path.join(folder, 'runs'), startedAt, clock),
  };
}

const NOTHING_PLACED: PlacementLock = { assignments: {}, disks: {} };

/** Runs one task after the other, in the order of the calls: the last write asked for is the one that stays. */
function oneAtATime(): <Result>(task: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    // The caller sees the rejection; the next task runs all the same.
    last = result.catch(() => undefined);
    return result;
  };
}

/** Undefined when there is no such file; any other trouble is a StateFileError. */
export async function readState<Value>(file: string, format: StateFormat<Value>): Promise<Value | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new StateFileError(file, `it can't be read (${(error as Error).message})`, isForbidden(error) ? 'Run pxen as the user whom it belongs to, or give it to this one (chown).' : format.remedy);
  }
  return decodeState(file, bytes, format);
}

async function openJournal(folder: string, startedAt: string, clock: Clock): Promise<Journal> {
  await makeFolder(folder);
  const handle = await writing(folder, () => openNew(folder, startedAt.replaceAll(':', '-')));
  await giveToOwnerOf(folder, handle);
  const inTurn = oneAtATime();
  return {
    append: (entry) =>
      inTurn(async () => {
        await handle.appendFile(`${JSON.stringify({ at: isoTime(clock), ...entry })}\n`);
        await handle.datasync();
      }),
    close: () => inTurn(() => handle.close()),
  };
}

/** Two runs may begin in one millisecond; neither writes into the other's journal. FAT allows no colon in a name. */
async function openNew(folder: string, name: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt += 1) {
    const file = path.join(folder, attempt === 1 ? `${name}.jsonl` : `${name}-${attempt}.jsonl`);
    try {
      return await open(file, 'ax');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** A host's name becomes a file's name: only what the schema allows as a name gets that far. */
function checkedName(host: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(host)) throw new RangeError(`"${host}" isn't a host's name`);
  return host;
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
