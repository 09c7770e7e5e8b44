import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { IncomingMessage, ServerResponse } from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { copyStretch, Pieces } from '../../src/backend/netboot/http/copy';
import type { Clock } from '../../src/backend/system';

const BYTES = 9_000_001;
const CONTENT = Buffer.from(Uint32Array.from({ length: Math.ceil(BYTES / 4) }, (_, index) => Math.imul(index, 0x9e3779b1)).buffer).subarray(0, BYTES);

async function file(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-copy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'root.squashfs'), CONTENT);
  return path.join(folder, 'root.squashfs');
}

/** A response whose client takes everything the moment it is written. */
function responseOf(onBody: (piece: Buffer) => void): ServerResponse {
  const response = new ServerResponse(new IncomingMessage(new net.Socket()));
  const sink = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      onBody(piece);
      done();
    },
  });
  response.assignSocket(sink as unknown as net.Socket);
  response.writeHead(200, { 'Content-Length': BYTES });
  response.flushHeaders();
  return response;
}

/** On which each look shows that `passMs` have passed. */
function clockThatPasses(passMs: number): Clock {
  let now = 0;
  return { now: () => (now += passMs), after: () => () => undefined };
}

test.each([['from memory', 0], ['from a slow drive', 10]])('a stretch comes as it is in the file, %s', async (_where, passMs) => {
  const taken: Buffer[] = [];
  const response = responseOf((piece) => taken.push(Buffer.from(piece)));
  let told = 0;
  await copyStretch(response, new Pieces(), { clock: clockThatPasses(passMs), file: await file(), start: 1000, end: BYTES - 7, onTaken: (bytes) => (told += bytes) });
  const [, ...body] = taken;
  expect(Buffer.concat(body).equals(CONTENT.subarray(1000, BYTES - 7))).toBe(true);
  expect(told).toBe(BYTES - 1007);
});

test('a file in memory and a client that takes all at once keep nobody else waiting for long', async () => {
  let longest = 0;
  let pieces = 0;
  const response = responseOf(() => (longest = Math.max(longest, (pieces += 1))));
  let ended = false;
  const others = () => {
    pieces = 0;
    if (!ended) setImmediate(others);
  };
  others();
  await copyStretch(response, new Pieces(), { clock: clockThatPasses(0), file: await file(), start: 0, end: BYTES, onTaken: () => undefined });
  ended = true;
  expect(longest).toBeLessThanOrEqual(2);
});

test('a file that is shorter than it was says so', async () => {
  const name = await file();
  await truncate(name, 2_000_000);
  const copied = copyStretch(responseOf(() => undefined), new Pieces(), { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: () => undefined });
  await expect(copied).rejects.toThrow(/root\.squashfs ends after 2000000 bytes/);
});
