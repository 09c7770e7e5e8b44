/** Image files on their way: in turn, counted, and told of. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostOfMac, nameOfHost } from '../answers/facts';
import path from 'node:path';
import { readManifest } from '../../image/manifest';
import { Pieces } from './copy';
import { FRONT_HEADER, type FrontDownload } from './nginx';
import { isImageFile, sendImageFile, type ImageDownload, type ImageRequest } from './images';
import { addressOfClient } from './respond';
import type { HttpServerOptions } from './server';
import { Turns } from './turns';

/**
 * Large files sent at once. Each takes two buffers of nearly half a MiB, and so few fill a link of 10 Gbit/s; more would only make all
 * of them later.
 */
const DOWNLOADS_AT_ONCE = 16;

export class Downloads {
  readonly #options: HttpServerOptions;
  readonly #turns: Turns;
  readonly #pieces = new Pieces();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#turns = new Turns({ clock: options.clock, concurrency: DOWNLOADS_AT_ONCE, onLoad: ({ waiting }) => options.metrics.downloadsWaiting.set(waiting) });
  }

  /** `mac` is what the request says; of a machine that isn't on the drive nothing is told. */
  async send(request: IncomingMessage, response: ServerResponse, { image, file, prefix, mac }: Pick<ImageRequest, 'image' | 'file' | 'prefix'> & { readonly mac: string }): Promise<void> {
    const { metrics, model, onEvent, imagesFolder, clock, firstTime, front } = this.#options;
    const host = hostOfMac(model(), mac);
    const address = addressOfClient(request, front !== undefined) ?? '';
    const name = host ? nameOfHost(host, mac) : address;
    let counted = false;
    const tellRefused = (sentence: string) => {
      if (firstTime(sentence)) onEvent({ kind: 'refused', ...(host && { mac, host: host.name }), sentence });
    };
    const tell = (download: ImageDownload, sentence: string) => {
      const { bytesSent, bytesTotal } = download;
      if (host) onEvent({ kind: 'image', mac, host: host.name, file, bytesSent, bytesTotal, sentence });
    };
    const byFront = front !== undefined && request.headers[FRONT_HEADER] !== undefined;
    await sendImageFile(request, response, {
      imagesFolder,
      image,
      file,
      ...(prefix && { prefix }),
      clock,
      pieces: this.#pieces,
      turns: this.#turns,
      machine: host ? mac : address,
      byFront,
      onBytes: (bytes) => metrics.httpBytes.inc(bytes),
      onDamage: tellRefused,
      onWait: (wait) => tell({ ...wait, bytesSent: 0, ended: 'no' }, `${name} waits for its turn to fetch ${file}: ${DOWNLOADS_AT_ONCE} others are being sent one`),
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
        counted = true;
        if (download.ended !== 'no') metrics.downloads.dec();
        tell(download, downloadSentence(name, download));
      },
    });
  }

  /** nginx has sent a file, or a part of it. Rejects when the image isn't there any more. */
  async endedAtFront({ image, file, mac, start, bytesSent, whole }: FrontDownload): Promise<void> {
    const { metrics, model, onEvent, imagesFolder } = this.#options;
    metrics.httpBytes.inc(bytesSent);
    const host = hostOfMac(model(), mac);
    const { files } = await readManifest(path.join(imagesFolder, image));
    if (!host || !isImageFile(file)) return;
    const download: ImageDownload = { file, bytesSent: start + bytesSent, bytesTotal: files[file].size, ended: whole ? 'whole' : 'broken' };
    onEvent({ kind: 'image', mac, host: host.name, file, bytesSent: download.bytesSent, bytesTotal: download.bytesTotal, sentence: downloadSentence(nameOfHost(host, mac), download) });
  }
}

function downloadSentence(name: string, { file, bytesSent, bytesTotal, ended }: ImageDownload): string {
  const amount = `${bytesSent} of ${bytesTotal} bytes`;
  if (ended === 'broken') return `${name} broke off ${file} after ${amount}`;
  if (ended === 'whole') return bytesSent === bytesTotal ? `${name} has fetched ${file}` : `${name} has fetched a part of ${file}, up to ${amount}`;
  return `${name} is fetching ${file}: ${amount}`;
}
