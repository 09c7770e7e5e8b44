/**
 * The lab's guest: a golden disk of a few megabytes that answers ping and HTTP from its own files, with the kernel, busybox
 * and drivers of the boot image. Specs name it as `disks/lab-guest/{disk.raw,vmlinuz,initrd}`; that folder is the lab's own.
 */

import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { runCommand } from '../../backend/image/command';
import { cpioArchive } from '../../backend/image/cpio';
import type { PoolModel } from '../../backend/drive/model';

export const GUEST_FOLDER = 'disks/lab-guest';

/** What the guest's web server answers for `/`: proof that it runs from its disk. */
export const GUEST_MARKER = 'Served from the disk of a guest of PXEN\'s lab.\n';

const DISK_SIZE = '16M';
/** Modules of Debian's kernel that a PV guest needs for its disk and network; ext4 asks for crc32c by an alias only. */
const GUEST_MODULES = ['xen-blkfront', 'xen-netfront', 'crc32c_generic', 'ext4'];

export interface GuestOptions {
  /** The drive's root. */
  readonly root: string;
  readonly imageFolder: string;
  /** `guest/` of the lab's assets. */
  readonly assetsFolder: string;
  readonly signal: AbortSignal;
}

/** Whether a VM of the drive runs from the lab's guest. */
export function wantsLabGuest(model: PoolModel): boolean {
  return model.vms.some(({ disks, boot }) => [...disks.map(({ source }) => source), 'kernel' in boot ? boot.kernel : undefined].some((file) => file?.startsWith(`${GUEST_FOLDER}/`)));
}

/** Makes the guest's files anew, so that its drivers are those of the present image. Needs no root. */
export async function makeLabGuest({ root, imageFolder, assetsFolder, signal }: GuestOptions): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'pxen-guest-'));
  try {
    const image = await takeFromImage(imageFolder, signal);
    const made = path.join(work, 'made');
    await mkdir(made);
    await copyFile(path.join(imageFolder, 'vmlinuz'), path.join(made, 'vmlinuz'));
    await writeFile(path.join(made, 'initrd'), await ramdisk(image, assetsFolder));
    await makeDisk(path.join(made, 'disk.raw'), image.busybox, assetsFolder, work, signal);
    const folder = path.join(root, GUEST_FOLDER);
    await mkdir(folder, { recursive: true });
    for (const name of ['vmlinuz', 'initrd', 'disk.raw']) {
      await copyFile(path.join(made, name), path.join(folder, `${name}.part`));
      await rename(path.join(folder, `${name}.part`), path.join(folder, name));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface FromImage {
  readonly busybox: Buffer;
  /** In the order they are loaded. */
  readonly modules: readonly { readonly name: string; readonly content: Buffer }[];
}

async function takeFromImage(imageFolder: string, signal: AbortSignal): Promise<FromImage> {
  const read = (file: string) => readFromSquashfs(path.join(imageFolder, 'root.squashfs'), file, signal);
  const release = (await read('usr/lib/pxen/kernel-release')).toString('utf8').trim();
  const modulesFolder = `usr/lib/modules/${release}`;
  const order = loadOrder((await read(`${modulesFolder}/modules.dep`)).toString('utf8'), GUEST_MODULES);
  return {
    busybox: await read('usr/bin/busybox'),
    modules: await Promise.all(order.map(async (module) => ({ name: path.basename(module), content: await read(`${modulesFolder}/${module}`) }))),
  };
}

const LARGEST_FILE = 64 << 20;

async function readFromSquashfs(squashfs: string, file: string, signal: AbortSignal): Promise<Buffer> {
  const { stdout } = await promisify(execFile)('unsquashfs', ['-cat', squashfs, file], { encoding: 'buffer', maxBuffer: LARGEST_FILE, signal });
  return stdout;
}

/**
 * Paths of the modules and of all they depend on, each after what it needs. A line of modules.dep is `path: path…`, and
 * lists dependencies in the order of their removal (modules.dep(5)).
 */
export function loadOrder(modulesDep: string, wanted: readonly string[]): readonly string[] {
  const lines = new Map(modulesDep.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim().split(/\s+/).filter((word) => word !== '')]));
  const order = wanted.flatMap((name) => {
    const module = [...lines.keys()].find((file) => path.basename(file).replace(/\.ko(\.\w+)?$/, '') === name);
    if (module === undefined) throw new Error(`The image's kernel has no module ${name}.`);
    return [...(lines.get(module) ?? []).toReversed(), module];
  });
  return [...new Set(order)];
}

async function ramdisk({ busybox, modules }: FromImage, assetsFolder: string): Promise<Buffer> {
  return cpioArchive([
    { path: 'init', mode: 0o755, content: await readFile(path.join(assetsFolder, 'ramdisk-init')) },
    { path: 'busybox', mode: 0o755, content: busybox },
    { path: 'modules', mode: 0o644, content: Buffer.from(modules.map(({ name }) => `${name}\n`).join('')) },
    ...modules.map(({ name, content }) => ({ path: name, mode: 0o644, content })),
  ]);
}

async function makeDisk(file: string, busybox: Buffer, assetsFolder: string, work: string, signal: AbortSignal): Promise<void> {
  const tree = path.join(work, 'disk');
  for (const folder of ['bin', 'sbin', 'etc', 'dev', 'proc', 'sys', 'srv/www']) await mkdir(path.join(tree, folder), { recursive: true });
  await writeFile(path.join(tree, 'bin/busybox'), busybox, { mode: 0o755 });
  for (const name of ['sh', 'sed', 'ip', 'sync', 'httpd', 'wc']) await symlink('busybox', path.join(tree, 'bin', name));
  // The kernel calls /sbin/poweroff when Xen asks the guest to shut down.
  for (const name of ['init', 'poweroff', 'reboot']) await symlink('../bin/busybox', path.join(tree, 'sbin', name));
  await copyFile(path.join(assetsFolder, 'disk-start'), path.join(tree, 'etc/start'));
  await chmod(path.join(tree, 'etc/start'), 0o755);
  await writeFile(path.join(tree, 'etc/inittab'), '::sysinit:/etc/start\n');
  await writeFile(path.join(tree, 'srv/www/index.html'), GUEST_MARKER);
  await runCommand('mke2fs', ['-q', '-t', 'ext4', '-E', 'root_owner=0:0', '-L', 'lab-guest', '-d', tree, file, DISK_SIZE], { signal, env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
}
