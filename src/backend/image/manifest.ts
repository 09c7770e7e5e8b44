/**
 * A boot image's manifest: which files it has, their sizes and sha256 sums, and what is inside.
 * `images/<name>/manifest.json` is written last, so a folder with a manifest is a whole image.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeFileAtomic } from '../drive/atomic';

/** What every image holds. The names are those of the files in its folder and of their URLs. */
export const IMAGE_FILES = [
  /** Xen for Multiboot (BIOS), uncompressed. */
  'xen',
  /** Xen as an EFI application. */
  'xen.efi',
  'vmlinuz',
  'initrd',
  'root.squashfs',
  /** iPXE for a BIOS PXE ROM, over the ROM's own network driver. */
  'undionly.kpxe',
  /** iPXE for x64 UEFI, with its own drivers. */
  'ipxe.efi',
  /** iPXE for x64 UEFI, over the firmware's network driver. */
  'snponly.efi',
] as const;

export type ImageFile = (typeof IMAGE_FILES)[number];

export interface ManifestFile {
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface Manifest {
  /** The folder's name under `images/`. */
  readonly name: string;
  /** ISO 8601; absent when the build was asked to be reproducible and given no date. */
  readonly created?: string;
  /** sha256 over everything the image was built from; the same value means there is nothing to build. */
  readonly inputs?: string;
  /** Versions of `xen`, `linux`, `debian`, and whatever else the administrator may want to know. */
  readonly versions: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<ImageFile, ManifestFile>>;
  /** Xen's command line, unless the host's spec says otherwise. */
  readonly xenArguments?: string;
  /** Put before the `pxen.*` keys on dom0's kernel command line. */
  readonly kernelArguments?: string;
}

export const MANIFEST_NAME = 'manifest.json';

/** An image that can't be booted as it is; the message says which, why, and what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  /** Whole sentences; who knows a better remedy takes the first alone. */
  constructor(
    readonly sentence: string,
    remedy?: string,
  ) {
    super(remedy === undefined ? sentence : `${sentence} ${remedy}`);
  }
}

/**
 * Reads `folder/manifest.json` and checks its shape; the files themselves are looked at by {@link checkImageFiles}.
 * Throws {@link ImageError} when there is none, when it isn't JSON, or when something in it is missing or of the wrong kind.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = path.join(folder, MANIFEST_NAME);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ImageError(`There is no boot image in ${folder}.`);
  }
  return parseManifest(text, file);
}

/** Checks the text of a manifest; `file` is named in the errors. Throws {@link ImageError}. */
export function parseManifest(text: string, file: string): Manifest {
  const fail = (what: string): never => {
    throw new ImageError(`${file}: ${what}.`, 'Build the image anew with `pxen image build --force`.');
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!isRecord(value)) return fail('is not a JSON object');
  const name = value['name'];
  if (typeof name !== 'string' || name === '') return fail('"name" must be a non-empty string');
  const versions = value['versions'];
  if (!isRecord(versions) || !Object.values(versions).every((version) => typeof version === 'string')) {
    return fail('"versions" must map names to strings');
  }
  const listed = value['files'];
  if (!isRecord(listed)) return fail('"files" must be an object');
  const entries = IMAGE_FILES.map((imageFile) => {
    const entry = listed[imageFile];
    if (!isRecord(entry)) return fail(`"files" lacks "${imageFile}"`);
    const { size, sha256 } = entry;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return fail(`the size of "${imageFile}" must be a whole number of bytes`);
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return fail(`the sha256 of "${imageFile}" must be 64 lower-case hexadecimal digits`);
    return [imageFile, { size, sha256 }] as const;
  });
  const optional = (key: 'created' | 'inputs' | 'xenArguments' | 'kernelArguments') => {
    const found = value[key];
    if (found === undefined) return {};
    if (typeof found !== 'string') return fail(`"${key}" must be a string`);
    if (found.includes('\n')) return fail(`"${key}" must be one line`);
    return { [key]: found };
  };
  return {
    name,
    ...optional('created'),
    ...optional('inputs'),
    versions: versions as Record<string, string>,
    files: Object.fromEntries(entries) as Record<ImageFile, ManifestFile>,
    ...optional('xenArguments'),
    ...optional('kernelArguments'),
  };
}

/** Writes `folder/manifest.json`, whole or not at all. */
export function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  return writeFileAtomic(path.join(folder, MANIFEST_NAME), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Size and sum of each of the image's files, as the manifest lists them. */
export async function describeImageFiles(folder: string): Promise<Record<ImageFile, ManifestFile>> {
  const entries: [ImageFile, ManifestFile][] = [];
  for (const name of IMAGE_FILES) {
    const file = path.join(folder, name);
    entries.push([name, { size: (await stat(file)).size, sha256: await sha256OfFile(file) }]);
  }
  return Object.fromEntries(entries) as Record<ImageFile, ManifestFile>;
}

/**
 * Compares the files in `folder` with the manifest: sizes only, or with `hashes` the sums too (reads every byte).
 * Returns one sentence for each file that differs; empty when the image is whole.
 */
export async function checkImageFiles(folder: string, manifest: Manifest, how: 'sizes' | 'hashes'): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const name of IMAGE_FILES) {
    const file = path.join(folder, name);
    const expected = manifest.files[name];
    let size: number;
    try {
      size = (await stat(file)).size;
    } catch (error) {
      if (!isMissing(error)) throw error;
      problems.push(`${file} is missing.`);
      continue;
    }
    if (size !== expected.size) problems.push(`${file} has ${size} bytes; the manifest says ${expected.size}.`);
    else if (how === 'hashes' && (await sha256OfFile(file)) !== expected.sha256) problems.push(`${file} is damaged: its sha256 differs from the manifest's.`);
  }
  return problems;
}

/** sha256 of a file's content, lower-case hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** sha256 of text (as UTF-8) or bytes, lower-case hex. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
