import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

const CONTENT = randomBytes(300_000);
const SUM = createHash('sha256').update(CONTENT).digest('hex');

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** Holds the image's busybox under each of its names, as in the initrd. */
let bin: string;
let folder: string;
let file: string;
let server: http.Server | undefined;
let ranges: (string | undefined)[];

beforeAll(async () => {
  bin = await mkdtemp(path.join(tmpdir(), 'pxen-busybox-'));
  const image = path.join(inject('imageDrive'), 'images', 'dom0-1', 'root.squashfs');
  execFileSync('unsquashfs', ['-no-progress', '-no-xattrs', '-force', '-dest', path.join(bin, 'image'), image, 'usr/bin/busybox'], { stdio: 'ignore' });
  execFileSync(path.join(bin, 'image/usr/bin/busybox'), ['--install', '-s', bin]);
});

afterAll(() => rm(bin, { recursive: true }));

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pxen-fetch-'));
  file = path.join(folder, 'root.squashfs');
  ranges = [];
});

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

/** Serves from `handler`, which gets the number of the request from 0 on; resolves with how the script ended. */
async function fetchFrom(handler: Handler, seconds = 30): Promise<{ readonly code: number | null; readonly said: string }> {
  const listening = http.createServer((request, response) => {
    ranges.push(request.headers.range);
    handler(request, response, ranges.length - 1);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/root.squashfs`;
  const script = path.resolve('src/backend/image/assets/initrd/fetch');
  const child = spawn(path.join(bin, 'sh'), [script, url, file, String(CONTENT.length), SUM, String(seconds)], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: bin } });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, said };
}

const whole: Handler = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, { 'Content-Length': CONTENT.length - start, ...(start > 0 && { 'Content-Range': `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` }) });
  response.end(CONTENT.subarray(start));
};

const brokenOffAfter = (bytes: number): Handler => (_request, response) => {
  response.writeHead(200, { 'Content-Length': CONTENT.length });
  response.write(CONTENT.subarray(0, bytes), () => response.destroy());
};

describe("the initrd's fetch", () => {
  it('is content with one request when all goes well', async () => {
    expect(await fetchFrom(whole)).toEqual({ code: 0, said: '' });
    expect(await readFile(file)).toEqual(CONTENT);
    expect(ranges).toEqual([undefined]);
  });

  it('goes on where a broken connection left it', async () => {
    const { code, said } = await fetchFrom((request, response, count) => (count === 0 ? brokenOffAfter(100_000) : whole)(request, response, count));
    expect(code, said).toBe(0);
    expect(await readFile(file)).toEqual(CONTENT);
    expect(ranges).toEqual([undefined, 'bytes=100000-']);
    expect(said).toMatch(/attempt 2, after 100000 of 300000 bytes/);
  });

  it('asks a busy server again', async () => {
    const { code, said } = await fetchFrom((request, response, count) => {
      if (count > 0) whole(request, response, count);
      else response.writeHead(503, { 'Retry-After': '1' }).end();
    });
    expect(code, said).toBe(0);
    expect(said).toMatch(/503/);
  });

  it('throws away what is damaged, and fetches all of it anew', async () => {
    await writeFile(file, Buffer.alloc(150_000, 'x'));
    const { code, said } = await fetchFrom(whole);
    expect(code, said).toBe(0);
    expect(ranges).toEqual(['bytes=150000-', undefined]);
    expect(said).toMatch(/root\.squashfs arrived damaged/);
    expect(await readFile(file)).toEqual(CONTENT);
  });

  it('never accepts another content of the right size, and says so when its time is over', async () => {
    const { code, said } = await fetchFrom((_request, response) => response.end(Buffer.alloc(CONTENT.length)), 2);
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`arrived damaged \\(its sha256 is not ${SUM}\\)`));
  });
});
