/** Golden disk images on this machine: the drive's own, or fetched once from where a spec says. */

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Each URL is fetched once to a run of the backend, however many disks start from it. */
export class GoldenImages {
  private readonly fetching = new Map<string, Promise<string>>();

  /** `cacheFolder` is made when something is fetched; a finished file there is used again. */
  constructor(
    private readonly driveFolder: string,
    private readonly cacheFolder: string,
  ) {}

  /** Absolute path of the image. Rejects when a URL can't be fetched; that a local file exists is checked by its reader. */
  fileOf(source: string, signal: AbortSignal): Promise<string> {
    if (!isUrl(source)) return Promise.resolve(path.resolve(this.driveFolder, source));
    const running = this.fetching.get(source);
    if (running !== undefined) return running;
    const started = this.fetchOnce(source, signal);
    this.fetching.set(source, started);
    // A failure is told to those who waited; the next one tries anew.
    started.catch(() => this.fetching.delete(source));
    return started;
  }

  private async fetchOnce(url: string, signal: AbortSignal): Promise<string> {
    const file = path.join(this.cacheFolder, createHash('sha256').update(url).digest('hex').slice(0, 32));
    if (await exists(file)) return file;
    await mkdir(this.cacheFolder, { recursive: true });
    const part = `${file}.part`;
    try {
      const response = await fetch(url, { signal });
      if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status} ${response.statusText}`);
      await pipeline(Readable.fromWeb(response.body), createWriteStream(part, { flush: true }), { signal });
      await rename(part, file);
      return file;
    } catch (error) {
      await rm(part, { force: true });
      throw new Error(`${url} couldn't be fetched: ${reasonOf(error)}`, { cause: error });
    }
  }
}

export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/** fetch() itself says only "fetch failed"; its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
