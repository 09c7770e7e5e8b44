/**
 * cpio archives in the "newc" format, as the Linux kernel unpacks them into its first root
 * (Documentation/driver-api/early-userspace/buffer-format.rst): regular files only.
 */

export interface CpioFile {
  /** Relative to the root. Its folder must be there already or lie in the kernel's own root. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly content: Buffer;
}

const REGULAR_FILE = 0o100000;
const MAGIC = '070701';
const HEADER_BYTES = 110;
const TRAILER = 'TRAILER!!!';

/** The archive's length is a multiple of 512, so that another archive, compressed or not, may follow. */
export function cpioArchive(files: readonly CpioFile[]): Buffer {
  const parts = [...files.map(({ path, mode, content }) => entry(path, REGULAR_FILE | mode, content)), entry(TRAILER, 0, Buffer.alloc(0))].flat();
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, Buffer.alloc(padding(length, 512))]);
}

/** The file an archive begins with; undefined when this is no archive of files. */
export function readFirstCpioFile(archive: Buffer): Pick<CpioFile, 'path' | 'content'> | undefined {
  if (archive.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  const nameEnd = HEADER_BYTES + hexField(archive, FIELDS.nameBytes);
  const path = archive.toString('utf8', HEADER_BYTES, nameEnd - 1);
  if (path === TRAILER) return undefined;
  const start = nameEnd + padding(nameEnd, 4);
  return { path, content: archive.subarray(start, start + hexField(archive, FIELDS.contentBytes)) };
}

/** Positions among the header's thirteen fields of eight hexadecimal digits. */
const FIELDS = { contentBytes: 6, nameBytes: 11 };

/** Name and content are padded to four bytes each. */
function entry(name: string, mode: number, content: Buffer): Buffer[] {
  const nameBytes = Buffer.from(`${name}\0`);
  // inode, mode, user, group, links, time, content bytes, device, device, special device, special device, name bytes, sum
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = Buffer.from(MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
  return [header, nameBytes, Buffer.alloc(padding(header.length + nameBytes.length, 4)), content, Buffer.alloc(padding(content.length, 4))];
}

function hexField(archive: Buffer, index: number): number {
  const start = MAGIC.length + index * 8;
  return Number.parseInt(archive.toString('latin1', start, start + 8), 16);
}

function padding(length: number, multiple: number): number {
  return (multiple - (length % multiple)) % multiple;
}
