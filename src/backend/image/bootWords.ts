/**
 * What a booting host is told (`pxen.*` words) travels in its initrd, not on the kernel's command line: iPXE's Multiboot
 * passes no more than 512 bytes for Xen, kernel and initrd together, URLs included, and cuts the rest off in silence.
 * The words are a small cpio archive put before the image's initrd; Linux unpacks both into one root
 * (Documentation/driver-api/early-userspace/buffer-format.rst), as it does with early microcode.
 */

/** Path of the file in the initrd: one `key=value` a line. */
export const BOOT_WORDS_PATH = 'pxen.boot';

/** Keys the image's scripts know. */
export type BootWord =
  | 'pxen.server'
  | 'pxen.mac'
  | 'pxen.token'
  | 'pxen.image'
  | 'pxen.root.sha256'
  | 'pxen.root.size'
  | 'pxen.address'
  | 'pxen.gateway'
  | 'pxen.nameservers'
  | 'pxen.domain'
  | 'pxen.host';

export type BootWords = Readonly<Partial<Record<BootWord, string>>>;

/** The archive to send before the image's initrd; its length is a multiple of 512, so that what follows stays aligned. */
export function bootWordsArchive(words: BootWords): Buffer {
  const text = Object.entries(words)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
  const archive = Buffer.concat([newcEntry(BOOT_WORDS_PATH, 0o100600, Buffer.from(text)), newcEntry('TRAILER!!!', 0, Buffer.alloc(0))]);
  return Buffer.concat([archive, Buffer.alloc(padding(archive.length, 512))]);
}

/** Reads the words back from the beginning of a host's initrd. Throws when it doesn't begin with them. */
export function readBootWords(initrd: Buffer): BootWords {
  const nameSize = hexField(initrd, 11);
  const nameEnd = HEADER_BYTES + nameSize;
  const name = initrd.toString('latin1', HEADER_BYTES, nameEnd - 1);
  if (initrd.toString('latin1', 0, 6) !== NEWC_MAGIC || name !== BOOT_WORDS_PATH) throw new Error(`The initrd doesn't begin with ${BOOT_WORDS_PATH}.`);
  const start = nameEnd + padding(nameEnd, 4);
  const text = initrd.toString('utf8', start, start + hexField(initrd, 6));
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

const NEWC_MAGIC = '070701';
const HEADER_BYTES = 110;

/** A member in cpio's "newc" format: 13 fields of eight hexadecimal digits, name and content padded to four bytes. */
function newcEntry(name: string, mode: number, content: Buffer): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const inode = 0;
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = Buffer.from(NEWC_MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
  return Buffer.concat([
    header,
    nameBytes,
    Buffer.alloc(padding(header.length + nameBytes.length, 4)),
    content,
    Buffer.alloc(padding(content.length, 4)),
  ]);
}

function hexField(archive: Buffer, index: number): number {
  return Number.parseInt(archive.toString('latin1', 6 + index * 8, 14 + index * 8), 16);
}

function padding(length: number, multiple: number): number {
  return (multiple - (length % multiple)) % multiple;
}
