/**
 * What a booting host is told (`pxen.*` words) travels in its initrd, not on the kernel's command line: iPXE's Multiboot
 * passes no more than 512 bytes for Xen, kernel and initrd together, URLs included, and cuts the rest off in silence.
 * The words are a small cpio archive put before the image's initrd; Linux unpacks both into one root
 * (Documentation/driver-api/early-userspace/buffer-format.rst), as it does with early microcode.
 */

import { cpioArchive, readFirstCpioFile } from './cpio';

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

/** The archive to send before the image's initrd. */
export function bootWordsArchive(words: BootWords): Buffer {
  const text = Object.entries(words)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
  return cpioArchive([{ path: BOOT_WORDS_PATH, mode: 0o600, content: Buffer.from(text) }]);
}

/** Reads the words back from the beginning of a host's initrd. Throws when it doesn't begin with them. */
export function readBootWords(initrd: Buffer): BootWords {
  const first = readFirstCpioFile(initrd);
  if (first?.path !== BOOT_WORDS_PATH) throw new Error(`The initrd doesn't begin with ${BOOT_WORDS_PATH}.`);
  return Object.fromEntries(
    first.content
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
