/** `/images/<name>/<file>`: the files of a boot image, exactly those its manifest lists. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { IMAGE_FILES, ImageError, readManifest, type ImageFile, type Manifest, type ManifestFile } from '../../image/manifest';
import type { Clock } from '../../system';
import { copyStretch, type Pieces, StalledError } from './copy';
import { internalPath } from './nginx';
import { refuse } from './respond';
import type { Turn, Turns } from './turns';

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
  /** Bytes as they are taken. */
  readonly onBytes: (bytes: number) => void;
  /** nginx stands in front and sends the file itself. Not with a prefix, and not for what {@link isConditional}. */
  readonly byFront: boolean;
  /** Answers with a refusal, and tells of it. */
  readonly refuse: (status: number, reason: string, headers?: Readonly<Record<string, string>>) => void;
  readonly clock: Clock;
  readonly pieces: Pieces;
  readonly turns: Turns;
  /** Whose turn it is: the machine's MAC if known, else its address. */
  readonly machine: string;
  /** It isn't its turn yet. */
  readonly onWait: (wait: Pick<ImageDownload, 'file' | 'bytesTotal'>) => void;
  /** It was refused, to ask again. */
  readonly onBusy: (why: 'too-long' | 'too-many') => void;
  /** Ended, for it took next to nothing; in words. */
  readonly onStall: (sentence: string) => void;
}

/** Smaller ones, boot loaders among them, wait for nobody. */
const WAITS_FOR_ITS_TURN_BYTES = 4 << 20;

/** GET and HEAD, with Range, If-Range and conditional requests; the ETag is the manifest's sha256. Never redirects. */
export async function sendImageFile(request: IncomingMessage, response: ServerResponse, wanted: ImageRequest): Promise<void> {
  const { image, file } = wanted;
  if (!isImageFile(file) || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(image)) {
    wanted.refuse(404, 'No boot image has such a file.');
    return;
  }
  const folder = path.join(wanted.imagesFolder, image);
  let manifest: Manifest;
  try {
    manifest = await readManifest(folder);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    wanted.refuse(404, error.message);
    return;
  }
  const listed = manifest.files[file];
  const damage = await damageOf(path.join(folder, file), listed);
  if (damage !== undefined) {
    wanted.refuse(500, damage);
    return;
  }
  if (wanted.byFront) {
    if (request.method === 'GET') wanted.onDownload({ file, bytesSent: 0, bytesTotal: listed.size, ended: 'no' });
    describe(response, file, manifest);
    response.writeHead(200, { 'X-Accel-Redirect': internalPath(image, file) }).end();
    return;
  }
  const turn = request.method === 'GET' && listed.size >= WAITS_FOR_ITS_TURN_BYTES ? await waitForTurn(request, response, file, listed.size, wanted) : NO_TURN;
  if (!turn) return;
  try {
    await (wanted.prefix ? sendWithPrefix : sendPlain)(request, response, { ...wanted, file, folder, manifest, turn });
  } finally {
    turn.end();
  }
}

interface Granted extends ImageRequest {
  readonly file: ImageFile;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly turn: Turn;
}

const NO_TURN: Turn = { moved: () => undefined, end: () => undefined };

/** busybox's wget, which the initrd uses, gives up after 20 s without a byte. */
const WGET_PATIENCE_MS = 14_000;
/** Others wait without a limit of their own, and a refusal ends some of them. */
const PATIENCE_MS = 60_000;
const RETRY_AFTER_SECONDS = 5;

async function waitForTurn(request: IncomingMessage, response: ServerResponse, file: ImageFile, bytesTotal: number, { turns, machine, onWait, onBusy }: ImageRequest): Promise<Turn | undefined> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  response.once('close', leave);
  const asked = turns.ask({ machine, patienceMs: (request.headers['user-agent'] ?? '').startsWith('Wget') ? WGET_PATIENCE_MS : PATIENCE_MS, signal: gone.signal });
  const first = await Promise.race([asked, Promise.resolve()]);
  if (first === undefined) onWait({ file, bytesTotal });
  const answer = await asked;
  response.off('close', leave);
  if ('turn' in answer) return answer.turn;
  if (answer.busy !== 'gone') {
    onBusy(answer.busy);
    refuse(request, response, 503, 'The boot server sends as much as it can to other machines. Ask again.', { 'Retry-After': String(RETRY_AFTER_SECONDS) });
  }
  return undefined;
}

async function sendWithPrefix(request: IncomingMessage, response: ServerResponse, granted: Granted & { readonly prefix?: Buffer }): Promise<void> {
  const { prefix = Buffer.alloc(0), folder, file, manifest } = granted;
  const { size } = manifest.files[file];
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': prefix.length + size, 'Cache-Control': 'no-store' });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  response.write(prefix);
  await copyAndTell(response, granted, path.join(folder, file), 0, size);
}

/** Seconds before the first download, and after what goes before that. */
export const loadDownloads = () => import('send');

/** Whether the request may be answered with less than the file, by its ETag or date. nginx looks at these before it knows of ours. */
export function isConditional({ headers }: IncomingMessage): boolean {
  return [headers['if-match'], headers['if-none-match'], headers['if-modified-since'], headers['if-unmodified-since']].some((header) => header !== undefined);
}

function describe(response: ServerResponse, file: ImageFile, manifest: Manifest): void {
  response.setHeader('ETag', `"${manifest.files[file].sha256}"`);
  response.setHeader('Content-Type', contentTypeOf(file));
  // Of the image, not of this copy of it: another server of the same drive says the same.
  if (manifest.created !== undefined) response.setHeader('Last-Modified', new Date(manifest.created).toUTCString());
}

/** `send` reads the request's headers and writes the answer's; the bytes are ours. */
async function sendPlain(request: IncomingMessage, response: ServerResponse, granted: Granted): Promise<void> {
  const { default: send } = await loadDownloads();
  const { folder, file, manifest } = granted;
  const { size } = manifest.files[file];
  describe(response, file, manifest);
  await new Promise<void>((resolve, reject) => {
    const sender = send(request, `/${file}`, { root: folder, index: false, dotfiles: 'allow', cacheControl: false });
    sender.on('error', (error: Error & { status?: number }) => {
      // A range that can't be satisfied brings its own Content-Range.
      granted.refuse(error.status ?? 500, error.message, error.status === 416 ? { 'Content-Range': `bytes */${size}` } : {});
    });
    sender.stream = (found: string, { start = 0, end = size - 1 }: { readonly start?: number; readonly end?: number } = {}) => {
      copyAndTell(response, granted, found, start, Math.min(end + 1, size)).then(resolve, reject);
    };
    // Also for what has no body, or ends in an error.
    response.once('close', resolve);
    response.once('finish', resolve);
    sender.pipe(response);
  });
}

/** EDK2 boots what it fetched only if it is named so (UEFI 2.10 §24.7). */
function contentTypeOf(file: string): string {
  return file.endsWith('.efi') ? 'application/efi' : 'application/octet-stream';
}

async function copyAndTell(response: ServerResponse, { file, manifest, turn, clock, pieces, onDownload, onBytes, onStall }: Granted, source: string, start: number, end: number): Promise<void> {
  const bytesTotal = manifest.files[file].size;
  let bytesSent = start;
  const nextTenth = () => (Math.floor((bytesSent * 10) / bytesTotal) + 1) * (bytesTotal / 10);
  let reportAt = nextTenth();
  const report = (ended: ImageDownload['ended']) => onDownload({ file, bytesSent, bytesTotal, ended });
  report('no');
  let isEndTold = false;
  const reportEnd = () => {
    if (isEndTold) return;
    isEndTold = true;
    report(bytesSent === end ? 'whole' : 'broken');
  };
  // A client that has all of it may close before we say that it was the last, which makes it no less whole.
  response.once('close', reportEnd);
  try {
    await copyStretch(response, pieces, {
      clock,
      file: source,
      start,
      end,
      onTaken: (bytes) => {
        bytesSent += bytes;
        turn.moved();
        onBytes(bytes);
        if (bytesSent >= reportAt && bytesSent < bytesTotal) {
          reportAt = nextTenth();
          report('no');
        }
      },
    });
    response.end();
  } catch (error) {
    // A client that goes away, or a drive that is pulled, breaks the download off; the event says so.
    if (error instanceof StalledError) onStall(error.message);
    response.destroy();
    // One that never had its turn on the connection isn't closed either.
    if (response.socket === null) reportEnd();
  }
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

export function isImageFile(name: string): name is ImageFile {
  return (IMAGE_FILES as readonly string[]).includes(name);
}
