/** `/images/<name>/<file>`: the files of a boot image, exactly those its manifest lists. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import send from 'send';
import { IMAGE_FILES, ImageError, readManifest, type ImageFile, type ManifestFile } from '../../image/manifest';
import { refuse } from './respond';

export interface ImageDownload {
  readonly file: ImageFile;
  /** From the start of the file: a resumed download goes on where it was. */
  readonly bytesSent: number;
  readonly bytesTotal: number;
  readonly ended: 'no' | 'whole' | 'broken';
}

export interface ImageRequest {
  readonly imagesFolder: string;
  readonly image: string;
  readonly file: string;
  /** Sent before the file, as one with it; such an answer is made for one machine and has no ranges. */
  readonly prefix?: Buffer;
  /** When the download begins, at each further tenth of the file, and once at its end. Not for HEAD. */
  readonly onDownload: (download: ImageDownload) => void;
  /** Bytes as they are read. */
  readonly onBytes: (bytes: number) => void;
  /** The image is damaged; in words. */
  readonly onDamage: (sentence: string) => void;
}

/** Read in pieces of this size, a third of the system calls' cost goes away and one client gets nginx's speed. */
const READ_BYTES = 1 << 20;

/** GET and HEAD, with Range, If-Range and conditional requests; the ETag is the manifest's sha256. Never redirects. */
export async function sendImageFile(request: IncomingMessage, response: ServerResponse, wanted: ImageRequest): Promise<void> {
  const { image, file } = wanted;
  if (!isImageFile(file) || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(image)) {
    refuse(request, response, 404, 'No boot image has such a file.');
    return;
  }
  const folder = path.join(wanted.imagesFolder, image);
  let listed: ManifestFile;
  try {
    listed = (await readManifest(folder)).files[file];
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    refuse(request, response, 404, error.message);
    return;
  }
  const damage = await damageOf(path.join(folder, file), listed);
  if (damage !== undefined) {
    wanted.onDamage(damage);
    refuse(request, response, 500, damage);
    return;
  }
  if (wanted.prefix) {
    await sendWithPrefix(request, response, path.join(folder, file), listed.size, wanted.prefix, { ...wanted, file });
    return;
  }
  response.setHeader('ETag', `"${listed.sha256}"`);
  // EDK2 boots what it fetched only if it is named so (UEFI 2.10 §24.7).
  response.setHeader('Content-Type', file.endsWith('.efi') ? 'application/efi' : 'application/octet-stream');
  // `send` hands what it doesn't know on to createReadStream.
  const options: send.SendOptions & { readonly highWaterMark: number } = { root: folder, index: false, dotfiles: 'allow', cacheControl: false, highWaterMark: READ_BYTES };
  const stream = send(request, `/${file}`, options);
  stream.on('error', (error: Error & { status?: number }) => {
    // A range that can't be satisfied brings its own Content-Range.
    refuse(request, response, error.status ?? 500, error.message, error.status === 416 ? { 'Content-Range': `bytes */${listed.size}` } : {});
  });
  stream.on('stream', (content: Readable) => followDownload(response, content, file, listed.size, wanted));
  stream.pipe(response);
}

async function sendWithPrefix(request: IncomingMessage, response: ServerResponse, file: string, size: number, prefix: Buffer, wanted: ImageRequest & { readonly file: ImageFile }): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': prefix.length + size, 'Cache-Control': 'no-store' });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const content = createReadStream(file, { highWaterMark: READ_BYTES });
  followDownload(response, content, wanted.file, size, wanted);
  response.write(prefix);
  // A client that goes away, or a drive that is pulled, breaks the download off; the event says so.
  await pipeline(content, response).catch(() => response.destroy());
}

function followDownload(response: ServerResponse, content: Readable, file: ImageFile, bytesTotal: number, wanted: ImageRequest): void {
  let bytesSent = rangeStart(response);
  const tenthOf = (bytes: number) => (bytesTotal === 0 ? 10 : Math.floor((bytes * 10) / bytesTotal));
  let tenth = tenthOf(bytesSent);
  const report = (ended: ImageDownload['ended']) => wanted.onDownload({ file, bytesSent, bytesTotal, ended });
  report('no');
  content.on('data', (chunk: Buffer) => {
    bytesSent += chunk.length;
    wanted.onBytes(chunk.length);
    if (tenthOf(bytesSent) > tenth && bytesSent < bytesTotal) {
      tenth = tenthOf(bytesSent);
      report('no');
    }
  });
  // `close` comes once, after `finish` when all of it was handed to the system and without it when the client went away.
  response.once('close', () => report(response.writableFinished ? 'whole' : 'broken'));
}

function rangeStart(response: ServerResponse): number {
  const range = response.getHeader('Content-Range');
  return Number(/^bytes (\d+)-/.exec(typeof range === 'string' ? range : '')?.[1] ?? 0);
}

async function damageOf(file: string, listed: ManifestFile): Promise<string | undefined> {
  try {
    const found = await lstat(file);
    if (!found.isFile()) return `${file} is not a regular file. Build the image anew with \`pxen image build --force\`.`;
    if (found.size !== listed.size) return `${file} has ${found.size} bytes, but the manifest says ${listed.size}. Build the image anew with \`pxen image build --force\`.`;
    return undefined;
  } catch (error) {
    return `${file} can't be read (${error instanceof Error ? error.message : String(error)}). Build the image anew with \`pxen image build --force\`.`;
  }
}

function isImageFile(name: string): name is ImageFile {
  return (IMAGE_FILES as readonly string[]).includes(name);
}
