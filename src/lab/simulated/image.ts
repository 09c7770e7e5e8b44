/**
 * The lab's own boot image: small files that look like the real ones where a machine looks at them (magic numbers), each
 * sealed with its own sum so that a machine notices a damaged one.
 */

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PoolModel } from '../../backend/drive/model';
import { makeFolder } from '../../backend/drive/owner';
import { describeImageFiles, writeManifest, type ImageFile } from '../../backend/image/manifest';

export const LAB_IMAGE = 'lab';

const KIB = 1024;

const SHAPES: Readonly<Record<ImageFile, { readonly bytes: number; readonly marks: readonly (readonly [offset: number, mark: Buffer])[] }>> = {
  // Multiboot specification 0.6.96 §3.1: magic, flags and checksum that add up to zero, within the first 8 KiB.
  xen: { bytes: 256 * KIB, marks: [[0x1000, multibootHeader()]] },
  'xen.efi': { bytes: 256 * KIB, marks: [[0, Buffer.from('MZ')]] },
  // Linux boot protocol, Documentation/arch/x86/boot.rst: boot_flag and header.
  vmlinuz: { bytes: 384 * KIB, marks: [[0x1fe, Buffer.of(0x55, 0xaa)], [0x202, Buffer.from('HdrS')]] },
  initrd: { bytes: 192 * KIB, marks: [[0, Buffer.from('070701')]] },
  'root.squashfs': { bytes: 768 * KIB, marks: [[0, Buffer.from('hsqs')]] },
  'undionly.kpxe': { bytes: 64 * KIB, marks: [[16, Buffer.from('iPXE')]] },
  'ipxe.efi': { bytes: 96 * KIB, marks: [[0, Buffer.from('MZ')], [16, Buffer.from('iPXE')]] },
  'snponly.efi': { bytes: 80 * KIB, marks: [[0, Buffer.from('MZ')], [16, Buffer.from('iPXE')]] },
};

/** Writes `<imagesFolder>/lab` with its manifest; the same bytes each time. */
export async function writeLabImage(imagesFolder: string): Promise<void> {
  const folder = path.join(imagesFolder, LAB_IMAGE);
  await makeFolder(folder);
  for (const name of Object.keys(SHAPES) as ImageFile[]) await writeFile(path.join(folder, name), labFile(name));
  await writeManifest(folder, { name: LAB_IMAGE, versions: { xen: '4.20.0', linux: '6.12.0', debian: '13' }, files: await describeImageFiles(folder) });
}

/**
 * Made-up files for the golden images, kernels and ramdisks that a drive's specs name: simulated guests need nothing of them
 * but that they arrive whole, and a lab downloads nothing. By the name in the spec.
 */
export async function writeStandIns(folder: string, model: PoolModel): Promise<ReadonlyMap<string, string>> {
  const named = model.vms.flatMap(({ disks, boot }) => [...disks.map(({ source }) => source), ...('kernel' in boot ? [boot.kernel, boot.ramdisk] : [])]);
  const files = new Map<string, string>();
  await makeFolder(folder);
  for (const name of new Set(named.filter((one) => one !== undefined))) {
    const file = path.join(folder, createHash('sha256').update(name).digest('hex').slice(0, 32));
    await writeFile(file, filler(name, STAND_IN_BYTES));
    files.set(name, file);
  }
  return files;
}

const STAND_IN_BYTES = 128 * KIB;

export function labFile(name: ImageFile): Buffer {
  const { bytes, marks } = SHAPES[name];
  const body = filler(name, bytes - 32);
  for (const [offset, mark] of marks) mark.copy(body, offset);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** Undefined when `content` is a whole file of the lab's image that does for `what`, else why not. */
export function labFileProblem(content: Buffer, what: ImageFile): string | undefined {
  const body = content.subarray(0, -32);
  if (!createHash('sha256').update(body).digest().equals(content.subarray(-32))) return 'the file is damaged';
  const missing = SHAPES[what].marks.some(([offset, mark]) => !body.subarray(offset, offset + mark.length).equals(mark));
  return missing ? `the file is no ${what}` : undefined;
}

function multibootHeader(): Buffer {
  const magic = 0x1badb002;
  const flags = 0x3;
  const header = Buffer.alloc(12);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(flags, 4);
  header.writeUInt32LE((0x1_0000_0000 - magic - flags) >>> 0, 8);
  return header;
}

function filler(seed: string, bytes: number): Buffer {
  const blocks: Buffer[] = [];
  for (let size = 0, block = Buffer.from(seed); size < bytes; size += 32) {
    block = createHash('sha256').update(block).digest();
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, bytes);
}
