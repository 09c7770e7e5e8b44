/** The few files TFTP serves, held in memory: a thousand machines share one copy. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

/** Boot loaders are about 1 MiB. Anything far larger is not one, and would be held in memory. */
const LARGEST_FILE = 64 << 20;

export class BootFiles {
  readonly #held = new Map<string, { readonly stamp: string; readonly content: Buffer }>();

  /**
   * The file's content as it is now; read again only when it changed. Throws with the system's code (`ENOENT`, or `ELOOP`
   * for a symbolic link, which is never followed), and on anything but a regular file of sensible size.
   */
  async read(folder: string, name: string): Promise<Buffer> {
    const file = path.join(folder, name);
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Error(`${file} is not a regular file`);
      if (stats.size > LARGEST_FILE) throw new Error(`${file} has ${stats.size} bytes, too many for TFTP`);
      const stamp = `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
      const held = this.#held.get(file);
      if (held?.stamp === stamp) return held.content;
      const content = await handle.readFile();
      this.#held.set(file, { stamp, content });
      return content;
    } finally {
      await handle.close();
    }
  }
}
