/**
 * Builds a boot image: Debian's packages become a root file system (mmdebstrap), `assets/customize.sh` takes the boot
 * files out of it, the rest becomes `root.squashfs`. Works as root, or rootless where user namespaces are allowed.
 */

import { copyFile, mkdtemp, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFolder } from '../drive/owner';
import { writing } from '../drive/writeError';
import type { Clock, Log } from '../system';
import { runCommand } from './command';
import { IMAGE_FILES, ImageError, checkImageFiles, describeImageFiles, readManifest, writeManifest, type Manifest } from './manifest';
import { setPeDate } from './pe';
import { KERNEL_ARGUMENTS, XEN_ARGUMENTS, readRecipe, type Recipe, type RecipeChoice } from './recipe';

export interface BuildImageOptions extends RecipeChoice {
  /** The image becomes `imagesFolder/name/`. */
  readonly imagesFolder: string;
  readonly name: string;
  /** Holds `customize.sh`, `initrd/` and `root/`. */
  readonly assetsFolder: string;
  /** Builds even when an image of the same inputs is there, to take in Debian's present packages. */
  readonly force: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface BuiltImage {
  /** `unchanged`: an image of the same inputs was there already. */
  readonly outcome: 'built' | 'unchanged';
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Builds the image, or finds that there is nothing to do. The folder appears whole or not at all; a former image of the
 * name is replaced at the very end. Rejects when a tool fails, with what the tool said, and with a `DriveWriteError` where
 * nothing can be written.
 */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const folder = path.join(options.imagesFolder, options.name);
  const recipe = await readRecipe(options, options.assetsFolder);
  if (!options.force) {
    const manifest = await reusableManifest(folder, recipe);
    if (manifest !== undefined) return { outcome: 'unchanged', folder, manifest };
  }
  // Before minutes go into an image that there is no place for.
  const incoming = await writing(folder, () => makeIncoming(folder));
  const work = await mkdtemp(path.join(tmpdir(), 'pxen-image-'));
  try {
    const epoch = options.sourceDateEpoch ?? Math.floor(options.clock.now() / 1000);
    await makeRoot(recipe, work, epoch, options);
    const made = path.join(work, 'out');
    await makeSquashfs(work, epoch, options);
    await stripEfiXen(made, epoch, options.signal);
    const manifest: Manifest = {
      name: options.name,
      created: new Date(epoch * 1000).toISOString(),
      inputs: recipe.inputs,
      versions: await versionsOf(made),
      files: await describeImageFiles(made),
      xenArguments: XEN_ARGUMENTS,
      kernelArguments: KERNEL_ARGUMENTS,
    };
    await writeManifest(made, manifest);
    await writing(folder, () => moveIntoPlace({ made, incoming, folder }, options.log));
    return { outcome: 'built', folder, manifest };
  } finally {
    await rm(work, { recursive: true, force: true });
    // What stays on a drive that was pulled is removed by the next build.
    await rm(incoming, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function reusableManifest(folder: string, recipe: Recipe): Promise<Manifest | undefined> {
  let manifest: Manifest;
  try {
    manifest = await readManifest(folder);
  } catch (error) {
    // Absent or unreadable: both mean that there is something to build.
    if (error instanceof ImageError) return undefined;
    throw error;
  }
  if (manifest.inputs !== recipe.inputs) return undefined;
  return (await checkImageFiles(folder, manifest, 'hashes')).length === 0 ? manifest : undefined;
}

/** `work/root.tar` and, beside it, `work/out` with the boot files. See mmdebstrap(1) for the hooks. */
async function makeRoot(recipe: Recipe, work: string, epoch: number, { suite, assetsFolder, log, signal }: BuildImageOptions): Promise<void> {
  log('info', `Collecting Debian ${suite}'s packages (${recipe.packages.length} and what they need).`);
  const assets = ['customize.sh', 'initrd', 'root'].map((name) => hookWord(path.join(assetsFolder, name)));
  await runCommand(
    'mmdebstrap',
    [
      '--variant=essential',
      '--architectures=amd64',
      `--include=${recipe.packages.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      '--aptopt=Acquire::Retries "5"',
      ...recipe.excludedPaths.map((excluded) => `--dpkgopt=path-exclude=${excluded}`),
      '--customize-hook=mkdir "$1/pxen-build"',
      `--customize-hook=copy-in ${assets.join(' ')} /pxen-build`,
      `--customize-hook=chroot "$1" sh /pxen-build/customize.sh ${epoch}`,
      `--customize-hook=copy-out /pxen-build/out ${hookWord(work)}`,
      '--customize-hook=rm -rf "$1/pxen-build"',
      suite,
      path.join(work, 'root.tar'),
      ...recipe.sources,
    ],
    { env: reproducibleEnv(epoch), onLine: (line) => log('debug', line), signal },
  );
}

/**
 * mmdebstrap's archive has no entry for the root folder itself, and sqfstar gives that to whoever runs it: so a user runs it
 * as the root of a user namespace.
 */
async function makeSquashfs(work: string, epoch: number, { log, signal }: BuildImageOptions): Promise<void> {
  log('info', 'Packing the root file system.');
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  await runCommand('unshare', [...asRoot, '--', 'sqfstar', '-quiet', '-no-progress', '-comp', 'zstd', '-root-mode', '755', path.join(work, 'out', 'root.squashfs')], {
    env: reproducibleEnv(epoch),
    inputFile: path.join(work, 'root.tar'),
    onLine: (line) => log('debug', line),
    signal,
  });
}

/**
 * Debian's xen.efi carries 25 MB of debugging data, which UEFI would load too. Xen's own build strips it this way. `strip`
 * writes the time of day into the header, which would make each build another.
 */
async function stripEfiXen(folder: string, epoch: number, signal: AbortSignal): Promise<void> {
  const file = path.join(folder, 'xen.efi');
  await runCommand('strip', ['--strip-debug', file], { signal });
  const content = await readFile(file);
  setPeDate(content, epoch);
  await writeFile(file, content);
}

/** From the lists that customize.sh left beside the boot files. */
async function versionsOf(folder: string): Promise<Record<string, string>> {
  const installed = new Map(
    (await readFile(path.join(folder, 'packages'), 'utf8')).split('\n').flatMap((line) => {
      const [name, version] = line.split(' ');
      return name !== undefined && version !== undefined ? [[name, version] as const] : [];
    }),
  );
  const version = (pattern: RegExp) => [...installed].find(([name]) => pattern.test(name))?.[1] ?? 'unknown';
  return {
    xen: version(/^xen-hypervisor-[\d.]+-amd64$/),
    linux: version(/^linux-image-\d/),
    debian: (await readFile(path.join(folder, 'debian_version'), 'utf8')).trim(),
    mdadm: version(/^mdadm$/),
    openssh: version(/^openssh-server$/),
    ipxe: version(/^ipxe$/),
  };
}

/** An empty folder on the drive, under a name no one boots. */
async function makeIncoming(folder: string): Promise<string> {
  const incoming = path.join(path.dirname(folder), `.${path.basename(folder)}.part`);
  await rm(incoming, { recursive: true, force: true });
  await makeFolder(incoming);
  return incoming;
}

/** Copies to the drive, syncs, and swaps with a former image by renaming. */
async function moveIntoPlace({ made, incoming, folder }: { readonly made: string; readonly incoming: string; readonly folder: string }, log: Log): Promise<void> {
  // Another build of the same image may have ended meanwhile, and taken it away.
  await makeFolder(incoming);
  const outgoing = path.join(path.dirname(folder), `.${path.basename(folder)}.old`);
  await rm(outgoing, { recursive: true, force: true });
  log('info', `Writing ${folder}.`);
  for (const name of [...IMAGE_FILES, 'packages', 'manifest.json']) {
    await copyFile(path.join(made, name), path.join(incoming, name));
    const handle = await open(path.join(incoming, name), 'r+');
    await handle.sync().finally(() => handle.close());
  }
  if ((await readdir(path.dirname(folder))).includes(path.basename(folder))) await rename(folder, outgoing);
  await rename(incoming, folder);
  await rm(outgoing, { recursive: true, force: true });
}

function reproducibleEnv(epoch: number): Record<string, string | undefined> {
  return { ...process.env, SOURCE_DATE_EPOCH: String(epoch), LC_ALL: 'C.UTF-8' };
}

/** mmdebstrap splits its special hooks into words as a shell does. */
function hookWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
