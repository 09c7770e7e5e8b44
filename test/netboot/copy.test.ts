import { spawnSync } from 'node:child_process';
import type * as FileSystem from 'node:fs';
import { read, readSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { IncomingMessage, ServerResponse } from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { copyStretch, Pieces } from '../../src/backend/netboot/http/copy';
import { systemInputs } from '../../src/backend/netboot/http/inputs';
import type { Clock } from '../../src/backend/system';

/** More than the pieces that it takes to tell that a file is in memory. */
const BYTES = 20_000_001;
const PIECE = 127 * 4096;
const PIECES_A_TURN = 2;
const FIRST_PIECES = 20;
/** statfs(2). */
const TMPFS_MAGIC = 0x01021994;
const CONTENT = Buffer.from(Uint32Array.from({ length: Math.ceil(BYTES / 4) }, (_, index) => Math.imul(index, 0x9e3779b1)).buffer).subarray(0, BYTES);

async function file(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-copy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'root.squashfs'), CONTENT);
  return path.join(folder, 'root.squashfs');
}

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof FileSystem>();
  return { ...fs, read: vi.fn(fs.read), readSync: vi.fn(fs.readSync) };
});

/** A response whose client takes everything the moment it is written, or a moment later: it sees what is there then, as the system does. */
function responseOf(onBody: (piece: Buffer) => void, takes: (take: (error?: Error) => void, bytes: number) => void = (take) => take()): ServerResponse {
  const response = new ServerResponse(new IncomingMessage(new net.Socket()));
  const sink = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      const take = (error?: Error) => {
        onBody(piece);
        done(error);
      };
      takes(take, piece.length);
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

/** Pieces of a server that has found the file in memory. */
function piecesAfter(file: string): Pieces {
  const pieces = new Pieces();
  for (let piece = 0; piece < FIRST_PIECES; piece += 1) pieces.wasReadOnThread(file, 0, () => false);
  return pieces;
}

const later = (take: () => void) => void setImmediate(() => take());

test.each([['at once', undefined], ['a moment later', later]])('a stretch comes as it is in the file, to a client that takes it %s', async (_when, takes) => {
  const name = await file();
  for (const pieces of [new Pieces(), piecesAfter(name)]) {
    const taken: Buffer[] = [];
    let told = 0;
    await copyStretch(responseOf((piece) => taken.push(Buffer.from(piece)), takes), pieces, { clock: clockThatPasses(0), file: name, start: 1000, end: BYTES - 7, onTaken: (bytes) => (told += bytes) });
    const [, ...body] = taken;
    expect(Buffer.concat(body).equals(CONTENT.subarray(1000, BYTES - 7))).toBe(true);
    expect(told).toBe(BYTES - 1007);
  }
});

test('a last piece smaller than what a socket keeps without complaint is waited for no longer than it takes', async () => {
  const end = 2 * PIECE + 1000;
  let told = 0;
  await copyStretch(responseOf(() => undefined, later), new Pieces(), { clock: clockThatPasses(0), file: await file(), start: 0, end, onTaken: (bytes) => (told += bytes) });
  expect(told).toBe(end);
});

test('a file that gives only a little at once comes as it is, however its pieces are taken', async () => {
  const name = await file();
  const taken: Buffer[] = [];
  const response = responseOf((piece) => taken.push(Buffer.from(piece)), (take, bytes) => (bytes < 10_000 ? take() : later(take)));
  const { readSync: reallyRead } = await vi.importActual<typeof FileSystem>('node:fs');
  const little = ((fd: number, into: Buffer, offset: number, _length: number, at: number) => reallyRead(fd, into, offset, 1_000, at)) as typeof readSync;
  vi.mocked(readSync).mockImplementationOnce(little);
  await copyStretch(response, piecesAfter(name), { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: () => undefined });
  const [, ...body] = taken;
  expect(Buffer.concat(body).equals(CONTENT)).toBe(true);
});

describe('the first pieces of a file are read on threads, and the next ones at once', () => {
  const all = Math.ceil(BYTES / PIECE);
  const readsAtOnce = async (name: string, pieces: Pieces, passMs: number) => {
    vi.mocked(readSync).mockClear();
    await copyStretch(responseOf(() => undefined), pieces, { clock: clockThatPasses(passMs), file: name, start: 0, end: BYTES, onTaken: () => undefined });
    return vi.mocked(readSync).mock.calls.length;
  };

  const counted = (count: () => number) => new Pieces({ count, areCounted: () => Promise.resolve(true) });
  const uncounted = () => new Pieces({ count: () => 0, areCounted: () => Promise.resolve(false) });

  test.each([
    ['of which all had to be fetched', () => { let inputs = 0; return counted(() => (inputs += 1)); }],
    ['of which nobody counts what had to be fetched', uncounted],
  ])('if those, %s, came quickly; a slow turn ends that for half a minute', async (_which, piecesOf) => {
    const name = await file();
    const pieces = piecesOf();
    expect(await readsAtOnce(name, pieces, 2)).toBe(0);
    expect(await readsAtOnce(name, pieces, 0)).toBe(all - FIRST_PIECES);
    expect(await readsAtOnce(name, pieces, 0)).toBe(all);
    expect(await readsAtOnce(name, pieces, 5)).toBe(PIECES_A_TURN);
    expect(await readsAtOnce(name, pieces, 0)).toBe(0);
    expect(pieces.isInMemory(name, 30_000)).toBe(false);
    expect(pieces.isInMemory(name, 31_000)).toBe(true);
  });

  test('if none of those had to be fetched, however long they took on a busy machine', async () => {
    const name = await file();
    const pieces = counted(() => 7);
    expect(await readsAtOnce(name, pieces, 2)).toBe(all - FIRST_PIECES);
    expect(await readsAtOnce(name, pieces, 1000)).toBe(all);
  });
});

test('a file that turned out to be slow has to show anew that it is in memory', () => {
  const pieces = piecesAfter('root.squashfs');
  pieces.wasReadAtOnce('root.squashfs', 10, () => true, 0);
  expect(pieces.isInMemory('root.squashfs', 31_000)).toBe(false);
});

test('what was fetched while two read counts for both', () => {
  let inputs = 0;
  const pieces = new Pieces({ count: () => inputs, areCounted: () => Promise.resolve(true) });
  const [first, second] = [pieces.watchInputs(true), pieces.watchInputs(true)];
  expect(first()).toBe(false);
  inputs += 1;
  expect([first(), second(), pieces.watchInputs(true)()]).toEqual([true, true, false]);
});

test('the system counts what had to be fetched from a drive, and not what was in memory', async ({ skip }) => {
  const name = await file();
  const handle = await open(name);
  await handle.sync();
  await handle.close();
  // GNU dd drops a whole file from the system's memory so (its manual, on `nocache`).
  const dropped = spawnSync('dd', [`if=${name}`, 'iflag=nocache', 'count=0', 'status=none']);
  const isDropped = dropped.status === 0 && (await statfs(name)).type !== TMPFS_MAGIC;
  skip(!isDropped || !(await systemInputs.areCounted(name)), 'no GNU dd, or the temporary folder is in memory or where the system doesn’t count');
  const blocksRead = async () => {
    const before = systemInputs.count();
    await readFile(name);
    return systemInputs.count() - before;
  };
  const blocks = BYTES / 512;
  expect(await blocksRead()).toBeGreaterThan(blocks / 2);
  expect(await blocksRead()).toBeLessThan(blocks / 10);
});

test('what a file system of the network, of a program or of the kernel itself reads is not taken for counted', async ({ skip }) => {
  skip(process.platform !== 'linux', 'Linux alone has /proc');
  expect(await systemInputs.areCounted('/proc/self/io')).toBe(false);
  expect(await systemInputs.areCounted('/nowhere')).toBe(false);
});

test('a stretch that begins within a page goes on with whole ones', async () => {
  const name = await file();
  vi.mocked(readSync).mockClear();
  await copyStretch(responseOf(() => undefined), piecesAfter(name), { clock: clockThatPasses(0), file: name, start: 5000, end: BYTES, onTaken: () => undefined });
  const at = vi.mocked(readSync).mock.calls.map((call: readonly unknown[]) => call[4]);
  expect(at.slice(0, 3)).toEqual([5000, 4096 + PIECE, 4096 + 2 * PIECE]);
});

test('a client that goes before or while it is sent a piece is noticed at that piece', async () => {
  const name = await file();
  for (const pieces of [new Pieces(), piecesAfter(name)]) {
    for (const goneAfter of [0, 1, 2, 3, Math.floor(BYTES / PIECE)]) {
      let sent = 0;
      let told = 0;
      const response: ServerResponse = responseOf(() => undefined, (take, bytes) => {
        const isHeader = bytes < 1_000;
        if (!isHeader && sent === goneAfter) response.socket?.destroy();
        else take();
        if (!isHeader) sent += 1;
      });
      if (goneAfter === 0) response.socket?.destroy();
      const copied = copyStretch(response, pieces, { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: (bytes) => (told += bytes) });
      await expect(copied).rejects.toThrow('the client has gone');
      expect(told).toBe(goneAfter * PIECE);
    }
  }
});

test('what the system refuses is not counted as taken', async () => {
  const name = await file();
  for (const pieces of [new Pieces(), piecesAfter(name)]) {
    let told = 0;
    const response = responseOf(() => undefined, (take, bytes) => (bytes === BYTES % PIECE ? take(new Error('EPIPE')) : take()));
    response.socket?.on('error', () => undefined);
    const copied = copyStretch(response, pieces, { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: (bytes) => (told += bytes) });
    await expect(copied).rejects.toThrow('the client has gone');
    expect(told).toBe(BYTES - (BYTES % PIECE));
  }
});

test('what goes wrong where bytes are counted ends that download alone', async () => {
  const name = await file();
  for (const takes of [undefined, later]) {
    for (const pieces of [new Pieces(), piecesAfter(name)]) {
      const response = responseOf(() => undefined, takes);
      const copied = copyStretch(response, pieces, { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: () => { throw new Error('miscounted'); } });
      await expect(copied).rejects.toThrow('miscounted');
      expect(response.socket?.destroyed).toBe(true);
    }
  }
});

test('a piece that is still on its way keeps its buffer while the file turns out to be slow', async () => {
  const name = await file();
  const pieces = piecesAfter(name);
  const taken: Buffer[] = [];
  let isFirst = true;
  const response = responseOf((piece) => taken.push(Buffer.from(piece)), (take, bytes) => {
    if (bytes < PIECE || !isFirst) {
      take();
      return;
    }
    isFirst = false;
    pieces.wasReadAtOnce(name, 100, () => true, 0);
    later(take);
  });
  await copyStretch(response, pieces, { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: () => undefined });
  const [, ...body] = taken;
  expect(Buffer.concat(body).equals(CONTENT)).toBe(true);
});

test('a client that goes away while it is waited for gives its piece back only when nothing is read from it any more', async () => {
  const pieces = new Pieces();
  const response = responseOf(() => undefined, () => undefined);
  const { socket } = response;
  const destroyedAt: (boolean | undefined)[] = [];
  pieces.giveBack = () => void destroyedAt.push(socket?.destroyed);
  const impatient: Clock = { now: () => 0, after: (_ms, run) => (setImmediate(run), () => undefined) };
  await expect(copyStretch(response, pieces, { clock: impatient, file: await file(), start: 0, end: BYTES, onTaken: () => undefined })).rejects.toThrow(/the client took less than 520192 bytes in 60 seconds/);
  expect(destroyedAt).toEqual([true, true]);
});

/** As if a drive took its time: `first` is done before the first piece is read. */
async function nextReadAfter(first: (go: () => void) => void): Promise<void> {
  const { read: reallyRead } = await vi.importActual<typeof FileSystem>('node:fs');
  vi.mocked(read).mockImplementationOnce(((...request: Parameters<typeof reallyRead>) => first(() => reallyRead(...request))));
}

/** Time passes only when its timer is looked at. */
function clockOfLooks() {
  let look: () => void = () => undefined;
  const clock: Clock = { now: () => 0, after: (_ms, run) => ((look = run), () => undefined) };
  return { clock, look: (times: number) => Array.from({ length: times }).forEach(() => look()) };
}

test('a client that goes while a thread still reads for it gives that buffer back only afterwards', async () => {
  const pieces = new Pieces();
  const events: string[] = [];
  pieces.giveBack = () => void events.push('given back');
  const response = responseOf(() => undefined);
  await nextReadAfter((go) => {
    const finishReading = () => {
      events.push('read');
      go();
    };
    response.socket?.once('close', () => setImmediate(finishReading)).destroy();
  });
  await expect(copyStretch(response, pieces, { clock: clockThatPasses(0), file: await file(), start: 0, end: BYTES, onTaken: () => undefined })).rejects.toThrow('the client has gone');
  expect(events).toEqual(['read', 'given back', 'given back']);
});

test('neither a drive that takes minutes for a piece nor a client that takes most of its time for each is taken for a stalled one', async () => {
  const { clock, look } = clockOfLooks();
  const looking = (times: number) => (then: () => void) => {
    look(times);
    then();
  };
  await nextReadAfter(looking(100));
  let told = 0;
  await copyStretch(responseOf(() => undefined, looking(4)), new Pieces(), { clock, file: await file(), start: 0, end: BYTES, onTaken: (bytes) => (told += bytes) });
  expect(told).toBe(BYTES);
});

test.each([['known to be in memory', piecesAfter], ['found there', () => new Pieces()]])('a file %s and a client that takes all at once keep nobody else waiting for long', async (_what, piecesOf) => {
  let longest = 0;
  let pieces = 0;
  const response = responseOf(() => (longest = Math.max(longest, (pieces += 1))));
  let ended = false;
  const others = () => {
    pieces = 0;
    if (!ended) setImmediate(others);
  };
  others();
  const name = await file();
  await copyStretch(response, piecesOf(name), { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: () => undefined });
  ended = true;
  expect(longest).toBeLessThanOrEqual(PIECES_A_TURN + 1);
});

test('a file that is shorter than it was says so', async () => {
  const name = await file();
  await truncate(name, 2_000_000);
  const copied = copyStretch(responseOf(() => undefined), new Pieces(), { clock: clockThatPasses(0), file: name, start: 0, end: BYTES, onTaken: () => undefined });
  await expect(copied).rejects.toThrow(/root\.squashfs ends after 2000000 bytes/);
});
