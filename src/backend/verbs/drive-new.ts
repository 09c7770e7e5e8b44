/** `pxen drive new FOLDER`: writes a small, commented drive to start from. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../drive/atomic';
import { clusterNameFor, newDriveFiles } from '../drive/newDrive';
import { makeFolder } from '../drive/owner';
import { DriveWriteError } from '../drive/writeError';
import { EXIT, type VerbIo } from './io';

export interface DriveNewOptions {
  readonly folder: string;
  readonly json: boolean;
}

/** Exits 2 and writes nothing when the folder holds anything already. */
export async function runDriveNew(options: DriveNewOptions, io: VerbIo): Promise<number> {
  const folder = path.resolve(options.folder);
  const files = newDriveFiles(clusterNameFor(path.basename(folder)));
  try {
    await makeFolder(folder);
    const inTheWay = (await readdir(folder)).filter((name) => !BELONGS_TO_THE_SYSTEM.has(name));
    if (inTheWay.length > 0) {
      io.err(`${options.folder} isn't empty (it holds ${inTheWay[0] ?? ''}). Name a new or empty folder.\n`);
      return EXIT.usage;
    }
    for (const [file, text] of files) await writeFileAtomic(path.join(folder, file), text);
  } catch (error) {
    const { message } = error as Error;
    io.err(error instanceof DriveWriteError ? `${message}\n` : `${options.folder} can't be made a drive (${message}). Name a new or empty folder.\n`);
    return EXIT.usage;
  }
  io.out(options.json ? `${JSON.stringify({ folder, files: [...files.keys()] })}\n` : `Made the drive ${options.folder}: ${[...files.keys()].join(', ')}.\n`);
  return EXIT.ok;
}

/** What a git checkout or a freshly formatted flash drive holds before anything is written to it. */
const BELONGS_TO_THE_SYSTEM: ReadonlySet<string> = new Set(['.git', 'lost+found', 'System Volume Information', '.Trashes', '.fseventsd', '.Spotlight-V100']);
