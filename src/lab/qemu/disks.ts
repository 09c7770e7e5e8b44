/**
 * The lab's disks: an image file for each member of each array. Arrays are made once, in a machine that runs the boot
 * image's own kernel and mdadm, on blank files the lab has just created; later labs start from copies of the result.
 */

import { mkdir, mkdtemp, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../../backend/image/command';
import { cpioArchive } from '../../backend/image/cpio';
import { sha256Of, type Manifest } from '../../backend/image/manifest';
import type { ArrayModel, HostModel } from '../../backend/drive/model';
import type { Log } from '../../backend/system';
import { MACHINE, diskArguments } from './machine';

export interface LabDisk {
  readonly serial: string;
  readonly file: string;
}

export interface DiskOptions {
  readonly hosts: readonly HostModel[];
  /** The boot image whose kernel, initrd and root make the arrays. */
  readonly image: { readonly folder: string; readonly manifest: Manifest };
  /** `factory/` of the lab's assets. */
  readonly assetsFolder: string;
  /** Formatted disks are kept here between runs. */
  readonly cacheFolder: string;
  /** The running lab's own copies. */
  readonly folder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const MIB = 1 << 20;
/** For mdadm's superblock and bitmap at the beginning of each member. */
const METADATA_BYTES = 16 * MIB;
const FACTORY_MEMORY = '1024';
const FACTORY_LIMIT_MS = 10 * 60_000;
const DONE = 'factory: all arrays are made';

/** Fresh disks for every host, by host name: as a factory delivers them, with the arrays of the specs and nothing on them. */
export async function makeLabDisks(options: DiskOptions): Promise<ReadonlyMap<string, readonly LabDisk[]>> {
  const { hosts, folder, signal } = options;
  const formatted = await formattedDisks(options);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const byHost = new Map<string, readonly LabDisk[]>();
  for (const host of hosts) {
    const disks = host.arrays.flatMap(({ members }) => members).map((serial) => ({ serial, file: path.join(folder, diskName(serial)) }));
    for (const { serial, file } of disks) await runCommand('cp', ['--sparse=always', '--reflink=auto', '--', path.join(formatted, diskName(serial)), file], { signal });
    byHost.set(host.name, disks);
  }
  return byHost;
}

/** The folder of formatted disks, made anew when arrays, image or factory differ from those it was made with. */
async function formattedDisks(options: DiskOptions): Promise<string> {
  const { hosts, image, assetsFolder, cacheFolder, log, signal } = options;
  const arrays = hosts.flatMap((host) => host.arrays);
  const scripts = await Promise.all(['init', 'make-arrays'].map((name) => readFile(path.join(assetsFolder, name))));
  const { initrd, vmlinuz, 'root.squashfs': root } = image.manifest.files;
  const key = sha256Of(JSON.stringify([arrays.map((array) => [factoryLine(array), memberBytes(array)]), ...scripts.map(sha256Of), initrd.sha256, vmlinuz.sha256, root.sha256]));
  const folder = path.join(cacheFolder, `disks-${key.slice(0, 16)}`);
  if (await exists(folder)) return folder;
  log('info', `Making ${arrays.length} arrays on blank disks (once; the result is kept in ${cacheFolder}).`);
  await mkdir(cacheFolder, { recursive: true });
  const work = await mkdtemp(path.join(cacheFolder, 'making-'));
  try {
    const disks: LabDisk[] = [];
    for (const array of arrays) {
      for (const serial of array.members) {
        const file = path.join(work, diskName(serial));
        await writeFile(file, '');
        await truncate(file, memberBytes(array));
        disks.push({ serial, file });
      }
    }
    await runFactory(work, arrays, disks, scripts, options);
    await rename(work, folder);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
  signal.throwIfAborted();
  return folder;
}

async function runFactory(work: string, arrays: readonly ArrayModel[], disks: readonly LabDisk[], scripts: readonly Buffer[], { image, signal }: DiskOptions): Promise<void> {
  const [init = Buffer.alloc(0), makeArrays = Buffer.alloc(0)] = scripts;
  const initrd = path.join(work, 'factory.initrd');
  const handle = await open(initrd, 'w');
  try {
    await handle.write(
      cpioArchive([
        { path: 'factory-init', mode: 0o755, content: init },
        { path: 'factory-make-arrays', mode: 0o755, content: makeArrays },
        { path: 'factory-arrays', mode: 0o644, content: Buffer.from(arrays.map((array) => `${factoryLine(array)}\n`).join('')) },
        { path: 'root.squashfs', mode: 0o644, content: await readFile(path.join(image.folder, 'root.squashfs')) },
      ]),
    );
    await handle.write(await readFile(path.join(image.folder, 'initrd')));
  } finally {
    await handle.close();
  }
  const console: string[] = [];
  await runCommand(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
      ...MACHINE,
      ...['-m', FACTORY_MEMORY, '-serial', 'stdio', '-kernel', path.join(image.folder, 'vmlinuz'), '-initrd', initrd],
      ...['-append', 'console=ttyS0 loglevel=4 panic=-1 mitigations=off rdinit=/factory-init'],
      ...diskArguments(disks),
    ],
    { onLine: (line) => console.push(line), signal: AbortSignal.any([signal, AbortSignal.timeout(FACTORY_LIMIT_MS)]) },
  );
  if (!console.some((line) => line.includes(DONE))) throw new Error(`The lab's arrays could not be made. The factory's last words:\n  ${console.slice(-10).join('\n  ')}`);
  await rm(initrd);
}

function factoryLine({ name, uuid, level, members }: ArrayModel): string {
  return [name, uuid, level, ...members].join(' ');
}

/** Size of each member, so that the array has the spec's capacity. */
export function memberBytes({ level, members, capacityBytes }: ArrayModel): number {
  const shares = { raid0: members.length, raid1: 1, raid4: members.length - 1, raid5: members.length - 1, raid6: members.length - 2, raid10: members.length / 2 }[level];
  return Math.ceil(capacityBytes / Math.max(1, shares) / MIB) * MIB + METADATA_BYTES;
}

function diskName(serial: string): string {
  return `${serial}.raw`;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    },
  );
}
