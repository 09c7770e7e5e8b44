/**
 * The lab's guest: a golden disk of a few megabytes that answers ping and HTTP from its own files, with the kernel, busybox
 * and drivers of the boot image. Specs name it as `disks/lab-guest/{disk.raw,vmlinuz,initrd}`; that folder is the lab's own.
 */

import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
    const image = await takeFromImage(imageFolder, work, signal);
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
  readonly busybox: string;
  /** Absolute paths in the order they are loaded. */
  readonly modules: readonly string[];
}

async function takeFromImage(imageFolder: string, work: string, signal: AbortSignal): Promise<FromImage> {
  const squashfs = path.join(imageFolder, 'root.squashfs');
  const unpacked = path.join(work, 'image');
  const unpack = (...files: readonly string[]) => runCommand('unsquashfs', ['-no-progress', '-no-xattrs', '-force', '-dest', unpacked, squashfs, ...files], { signal });
  await unpack('usr/bin/busybox', 'usr/lib/pxen/kernel-release');
  const release = (await readFile(path.join(unpacked, 'usr/lib/pxen/kernel-release'), 'utf8')).trim();
  const modulesFolder = `usr/lib/modules/${release}`;
  await unpack(`${modulesFolder}/modules.dep`);
  const modules = loadOrder(await readFile(path.join(unpacked, modulesFolder, 'modules.dep'), 'utf8'), GUEST_MODULES);
  await unpack(...modules.map((module) => `${modulesFolder}/${module}`));
  return { busybox: path.join(unpacked, 'usr/bin/busybox'), modules: modules.map((module) => path.join(unpacked, modulesFolder, module)) };
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
    { path: 'busybox', mode: 0o755, content: await readFile(busybox) },
    { path: 'modules', mode: 0o644, content: Buffer.from(modules.map((module) => `${path.basename(module)}\n`).join('')) },
    ...(await Promise.all(modules.map(async (module) => ({ path: path.basename(module), mode: 0o644, content: await readFile(module) })))),
  ]);
}

async function makeDisk(file: string, busybox: string, assetsFolder: string, work: string, signal: AbortSignal): Promise<void> {
  const tree = path.join(work, 'disk');
  for (const folder of ['bin', 'sbin', 'etc', 'dev', 'proc', 'sys', 'srv/www']) await mkdir(path.join(tree, folder), { recursive: true });
  await copyFile(busybox, path.join(tree, 'bin/busybox'));
  await chmod(path.join(tree, 'bin/busybox'), 0o755);
  for (const name of ['sh', 'sed', 'ip', 'sync', 'httpd', 'wc']) await symlink('busybox', path.join(tree, 'bin', name));
  // The kernel calls /sbin/poweroff when Xen asks the guest to shut down.
  for (const name of ['init', 'poweroff', 'reboot']) await symlink('../bin/busybox', path.join(tree, 'sbin', name));
  await copyFile(path.join(assetsFolder, 'disk-start'), path.join(tree, 'etc/start'));
  await chmod(path.join(tree, 'etc/start'), 0o755);
  await writeFile(path.join(tree, 'etc/inittab'), '::sysinit:/etc/start\n');
  await writeFile(path.join(tree, 'srv/www/index.html'), GUEST_MARKER);
  await runCommand('mke2fs', ['-q', '-t', 'ext4', '-E', 'root_owner=0:0', '-L', 'lab-guest', '-d', tree, file, DISK_SIZE], { signal, env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
}
