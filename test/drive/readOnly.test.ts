import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { DriveWriteError, writing } from '../../src/backend/drive/writeError';
import { newDriveFiles } from '../../src/backend/drive/newDrive';
import { buildImage } from '../../src/backend/image/build';
import { runDriveNew } from '../../src/backend/verbs/drive-new';
import type { VerbIo } from '../../src/backend/verbs/io';
import { runLab } from '../../src/backend/verbs/lab';
import { asOrdinaryUser, stoppedClock, temporaryFolder } from './folder';

const never = new AbortController().signal;

/** What a verb says and exits with where an ordinary user may read everything and write nothing. */
async function told(files: Readonly<Record<string, string>>, verb: (drive: string, io: VerbIo) => Promise<number>): Promise<string> {
  const drive = temporaryFolder(files);
  const modes = (mode: number) => [drive, ...['hosts', 'vms'].filter((name) => readdirSync(drive).includes(name)).map((name) => path.join(drive, name))].forEach((folder) => chmodSync(folder, mode));
  modes(0o555);
  let said = '';
  const io: VerbIo = { out: (text) => void (said += text), err: (text) => void (said += text), interactive: false, env: {}, signal: never };
  const code = await asOrdinaryUser(() => verb(drive, io));
  modes(0o755);
  return `${said.replaceAll(drive, 'DRIVE')}${code}`;
}

const NO_RIGHT = "can't be written: this user may not write there (EACCES). Run pxen as the user whom the drive belongs to, or give it to this one (chown).";

describe('A drive that nothing can be written to', () => {
  test('pxen lab', async () => {
    const lab = (drive: string, io: VerbIo) => runLab({ drive, stay: false, json: false, faults: [], keep: false, qemu: false }, io);
    expect(await told(Object.fromEntries(newDriveFiles('lab')), lab)).toBe(`DRIVE/state/lab ${NO_RIGHT}\n2`);
  });

  test('pxen drive new, into a folder that is there and into one that is not', async () => {
    expect(await told({}, (drive, io) => runDriveNew({ folder: drive, json: false }, io))).toBe(`DRIVE/pxen.yaml ${NO_RIGHT}\n2`);
    expect(await told({}, (drive, io) => runDriveNew({ folder: path.join(drive, 'new'), json: false }, io))).toBe(`DRIVE/new ${NO_RIGHT}\n2`);
  });

  test('An image is not begun', async () => {
    const assetsFolder = path.resolve('src/backend/image/assets');
    const build = async (drive: string, io: VerbIo) => {
      await buildImage({ name: 'a', suite: 'trixie', mirror: 'http://192.0.2.1', imagesFolder: path.join(drive, 'images'), assetsFolder, force: false, clock: stoppedClock, log: (_level, sentence) => io.err(sentence), signal: never }).catch((error: unknown) => io.err(String(error)));
      return 1;
    };
    expect(await told({}, build)).toBe(`DriveWriteError: DRIVE/images/.a.part ${NO_RIGHT}1`);
  });
});

describe('What is said of a drive that takes nothing', () => {
  const fail = (code: string) => writing('/drive/state', () => Promise.reject(Object.assign(new Error(`${code}: as the system says`), { code })));

  test.each([
    ['EROFS', /^\/drive\/state can't be written: the file system is mounted read-only \(EROFS\)\. Mount it for writing/],
    ['ENOSPC', /no room left \(ENOSPC\)\. Make room/],
    ['EIO', /the drive answers with errors \(EIO\)\. See whether it is still plugged in/],
  ])('%s', async (code, words) => {
    await expect(fail(code)).rejects.toThrow(words);
    await expect(fail(code)).rejects.toBeInstanceOf(DriveWriteError);
  });

  test('What its user can do nothing about stays as it is', async () => {
    await expect(fail('EMFILE')).rejects.toThrow('EMFILE: as the system says');
  });
});

/** A file system of this process's own, which needs root or a user namespace. */
const OWN_MOUNTS = ['unshare', '--mount', ...(process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'])] as const;
const canMount = spawnSync(OWN_MOUNTS[0], [...OWN_MOUNTS.slice(1), 'true']).status === 0;

test.skipIf(!canMount)('A folder to be made on a file system that is mounted read-only: Node says only that it is not there', async () => {
  const folder = temporaryFolder();
  const [program, drive] = [path.join(folder, 'make.mjs'), path.join(folder, 'drive')];
  mkdirSync(drive);
  await build({ stdin: { contents: `import { makeFolder } from './src/backend/drive/owner'; makeFolder(process.argv[2]).catch((error) => console.log(error.message));`, resolveDir: '.' }, bundle: true, platform: 'node', format: 'esm', outfile: program });
  const script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" "$3" "$1/state/lab"';
  const { stdout } = spawnSync(OWN_MOUNTS[0], [...OWN_MOUNTS.slice(1), 'sh', '-c', script, 'sh', drive, process.execPath, program], { encoding: 'utf8' });
  expect(stdout).toMatch(/drive\/state\/lab can't be written: the file system is mounted read-only \(EROFS\)\./);
});
