/** Image files on their way: in turn, counted, and told of. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { readManifest } from '../../image/manifest';
import type { Clock } from '../../system';
import type { Asker } from '../answers/asker';
import { nameOfHost } from '../answers/facts';
import { Pieces } from './copy';
import { FRONT_HEADER, type FrontDownload } from './nginx';
import { isConditional, isImageFile, sendImageFile, type ImageDownload, type ImageRequest } from './images';
import type { NetbootMetrics } from '../metrics';
import { printable } from '../printable';
import { type HttpTelling, namesOf } from './told';
import { Turns } from './turns';

/**
 * Large files sent at once. Each takes two buffers of nearly half a MiB, and so few fill a link of 10 Gbit/s; more would only make all
 * of them later.
 */
const DOWNLOADS_AT_ONCE = 16;

export interface DownloadsOptions {
  readonly imagesFolder: string;
  /** nginx stands in front. */
  readonly front: boolean;
  readonly askerOf: (address: string | undefined, mac: string) => Asker;
  readonly telling: HttpTelling;
  readonly metrics: NetbootMetrics;
  readonly clock: Clock;
}

export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #turns: Turns;
  readonly #pieces = new Pieces();

  constructor(options: DownloadsOptions) {
    this.#options = options;
    this.#turns = new Turns({ clock: options.clock, concurrency: DOWNLOADS_AT_ONCE, onLoad: ({ waiting }) => options.metrics.downloadsWaiting.set(waiting) });
  }

  async send(request: IncomingMessage, response: ServerResponse, { image, file, prefix, asker }: Pick<ImageRequest, 'image' | 'file' | 'prefix'> & { readonly asker: Asker }): Promise<void> {
    const { metrics, imagesFolder, clock, front, telling } = this.#options;
    const name = downloaderName(asker);
    let counted = false;
    const tellRefused = (sentence: string) => telling.tell(asker, { kind: 'refused', ...namesOf(asker), sentence });
    const byFront = front && request.headers[FRONT_HEADER] !== undefined && !prefix && !isConditional(request);
    if (request.method === 'HEAD') telling.tellQuietly(`${name} asked what ${printable(file)} is`);
    await sendImageFile(request, response, {
      imagesFolder,
      image,
      file,
      ...(prefix && { prefix }),
      clock,
      pieces: this.#pieces,
      turns: this.#turns,
      machine: asker.kind === 'host' ? asker.mac : asker.name,
      byFront,
      refuse: (status, reason, headers) => telling.refuse(request, response, asker, status, reason, headers),
      onBytes: (bytes) => metrics.httpBytes.inc(bytes),
      onWait: (wait) => this.#tell(asker, { ...wait, bytesSent: 0 }, `${name} waits for its turn to fetch ${file}: ${DOWNLOADS_AT_ONCE} others are being sent one`),
      onBusy: (why) => {
        metrics.httpRefused.inc({ reason: 'busy' });
        tellRefused(`${name} was told to ask again for ${file}: ${why === 'too-many' ? 'too many wait for theirs' : 'its turn did not come in time'}`);
      },
      onStall: (why) => {
        metrics.httpRefused.inc({ reason: 'stalled' });
        tellRefused(`${name} was cut off from ${file}: ${why}`);
      },
      onDownload: (download) => {
        // How many nginx sends is nginx's to know.
        if (!counted && !byFront) metrics.downloads.inc();
        // How far one is that nobody waits for, nobody needs to know.
        if (asker.kind === 'host' || !counted || download.ended !== 'no') this.#tell(asker, download, downloadSentence(name, download));
        counted = true;
        if (download.ended !== 'no') metrics.downloads.dec();
      },
    });
  }

  /** nginx has sent a file, or a part of it. Rejects when the image isn't there any more. */
  async endedAtFront({ image, file, mac, address, start, bytesSent, whole }: FrontDownload): Promise<void> {
    const { metrics, imagesFolder, askerOf } = this.#options;
    metrics.httpBytes.inc(bytesSent);
    const { files } = await readManifest(path.join(imagesFolder, image));
    if (!isImageFile(file)) return;
    const asker = askerOf(address, mac);
    const download: ImageDownload = { file, bytesSent: start + bytesSent, bytesTotal: files[file].size, ended: whole ? 'whole' : 'broken' };
    this.#tell(asker, download, downloadSentence(downloaderName(asker), download));
  }

  /** The pool goes by what its hosts fetch, and by nobody else's. */
  #tell(asker: Asker, { file, bytesSent, bytesTotal }: Pick<ImageDownload, 'file' | 'bytesSent' | 'bytesTotal'>, sentence: string): void {
    const who = asker.kind === 'host' ? namesOf(asker) : {};
    this.#options.telling.tell(asker, { kind: 'image', ...who, file, bytesSent, bytesTotal, sentence });
  }
}

function downloaderName(asker: Asker): string {
  const claims = asker.kind === 'other' ? asker.claims : undefined;
  return claims ? `${asker.name}, in the name of ${nameOfHost(claims.host, claims.mac)},` : asker.name;
}

function downloadSentence(name: string, { file, bytesSent, bytesTotal, ended }: ImageDownload): string {
  const amount = `${bytesSent} of ${bytesTotal} bytes`;
  if (ended === 'broken') return `${name} broke off ${file} after ${amount}`;
  if (ended === 'whole') return bytesSent === bytesTotal ? `${name} has fetched ${file}` : `${name} has fetched a part of ${file}, up to ${amount}`;
  return `${name} is fetching ${file}: ${amount}`;
}
