/** A stretch of a file into a response, in large pieces through buffers that are used again. */

import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../system';

/** With pieces of this size one client gets nearly nginx's speed; with those of 128 KiB, or of a stream's default size, far less. */
const PIECE_BYTES = 1 << 19;
/** A new buffer of this size costs as much as filling it; so many are kept when nobody needs them. */
const MOST_KEPT = 32;
/** One piece: a client slower than 9 KiB/s is none that will ever boot. */
const PIECE_LIMIT_MS = 60_000;
/** From memory a piece takes a hundredth of this, unless somebody else had the processor meanwhile; a flash drive takes longer. */
const SLOW_READ_MS = 10;
/** So long after a slow one everything is read on threads. */
const SLOW_KEPT_MS = 30_000;

/** What all downloads of a server share. */
export class Pieces {
  readonly #kept: Buffer[] = [];
  readonly #readThrough = new Set<string>();
  #slowAtMs = -Infinity;

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  giveBack(piece: Buffer): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(piece);
  }

  /** Whether the system should have the file in its memory, from an earlier download. */
  isInMemory(file: string, nowMs: number): boolean {
    return this.#readThrough.has(file) && nowMs - this.#slowAtMs > SLOW_KEPT_MS;
  }

  wasReadThrough(file: string): void {
    this.#readThrough.add(file);
  }

  /** It hadn't. */
  wasSlow(nowMs: number): void {
    this.#slowAtMs = nowMs;
  }
}

export interface Stretch {
  readonly clock: Clock;
  readonly file: string;
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  /** Bytes that the client, or the system for it, has taken. */
  readonly onTaken: (bytes: number) => void;
}

/** The client took none for too long. */
export class StalledError extends Error {
  override readonly name = 'StalledError';
}

/**
 * While one piece is on its way, the next is read from the drive. Resolves when the last was handed to the system; rejects when
 * the client has gone or stalls, or when the file can't be read or is shorter. The response has its headers, and isn't ended.
 */
export async function copyStretch(response: ServerResponse, pieces: Pieces, { clock, file, start, end, onTaken }: Stretch): Promise<void> {
  const outlet = await openOutlet(response, clock);
  const handle = await open(file);
  const buffers = [pieces.take(), pieces.take()] as const;
  const read = (turn: number, from: number) => {
    const into = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, Math.min(PIECE_BYTES, end - from));
    return pieces.isInMemory(file, clock.now()) ? readNow(handle, into, from, pieces, clock) : readOnThread(handle, into, from);
  };
  const write = async (piece: Buffer) => {
    await outlet.write(piece);
    onTaken(piece.length);
  };
  let reading: Buffer | Promise<Buffer> | undefined;
  let writing: Promise<void> | undefined;
  try {
    reading = start < end ? read(0, start) : undefined;
    for (let at = start, turn = 1; reading !== undefined; turn += 1) {
      const isFromMemory = Buffer.isBuffer(reading);
      const piece: Buffer = await reading;
      if (piece.length === 0) throw new Error(`${file} ends after ${at} bytes`);
      at += piece.length;
      await writing;
      writing = write(piece);
      // Whoever awaits it sees the rejection; meanwhile it is no unhandled one.
      writing.catch(() => undefined);
      if (isFromMemory) {
        // Read any sooner, the next piece would push this one out of the processor's cache.
        await writing;
        // Where both the file and the client are quick, all others would wait for the last piece.
        await nextTurn();
      }
      reading = at < end ? read(turn, at) : undefined;
      if (reading instanceof Promise) reading.catch(() => undefined);
    }
    await writing;
    if (start === 0) pieces.wasReadThrough(file);
  } finally {
    // The system may still write from, or read into, a buffer: another download must not get it before.
    await Promise.allSettled([reading, writing]);
    for (const buffer of buffers) pieces.giveBack(buffer);
    await handle.close();
  }
}

/** What there is of the file at `from`; empty at its end. On a thread of libuv's: a slow drive keeps nobody waiting. */
async function readOnThread(handle: FileHandle, into: Buffer, from: number): Promise<Buffer> {
  const { bytesRead } = await handle.read(into, 0, into.length, from);
  return into.subarray(0, bytesRead);
}

/**
 * The same at once: to ask a thread for what is in memory costs more than to copy it. Where the system has dropped it meanwhile,
 * everything waits for this piece, once in a while.
 */
function readNow(handle: FileHandle, into: Buffer, from: number, pieces: Pieces, clock: Clock): Buffer {
  const began = clock.now();
  const bytesRead = readSync(handle.fd, into, 0, into.length, from);
  const ended = clock.now();
  if (ended - began >= SLOW_READ_MS) pieces.wasSlow(ended);
  return into.subarray(0, bytesRead);
}

/** Behind an earlier request of the same connection that is still being answered, a response has no socket yet (RFC 9112 §9.3.2). */
async function openOutlet(response: ServerResponse, clock: Clock): Promise<Outlet> {
  const socket = response.socket ?? (await settled<Socket>(clock, 'its turn on the connection did not come', (resolve, reject) => {
    const gone = () => reject(new Error('the client has gone'));
    response.once('socket', resolve);
    response.req.socket.once('close', gone);
    return () => {
      response.off('socket', resolve);
      response.req.socket.off('close', gone);
    };
  }));
  response.flushHeaders();
  return new Outlet(socket, clock);
}

/**
 * Writes a response's body, whose length its headers tell, straight to the socket: a response keeps each write back for a moment,
 * in case that there is more, and meanwhile what was to be written has left the processor's cache.
 */
class Outlet {
  readonly #socket: Socket;
  readonly #clock: Clock;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Resolves when the system has all of it. Once it has rejected, the system has no use for the piece either. */
  async write(piece: Buffer): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) throw new Error('the client has gone');
    let written: (error?: Error | null) => void = () => undefined;
    // A callback for each piece costs a tenth of the speed; `drain` tells the same, but only of what the socket's buffer can't hold.
    if (piece.length < socket.writableHighWaterMark) socket.write(piece, (error) => written(error));
    else socket.write(piece);
    if (socket.errored) throw socket.errored;
    if (socket.writableLength === 0) return;
    try {
      await settled<undefined>(this.#clock, `the client took less than ${PIECE_BYTES} bytes`, (resolve, reject) => {
        const gone = () => reject(new Error('the client has gone'));
        const taken = () => resolve(undefined);
        written = (error) => (error ? reject(error) : taken());
        socket.once('drain', taken).once('close', gone);
        return () => socket.off('drain', taken).off('close', gone);
      });
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }
}

/** What `begin` listens for, until it takes too long; `begin` returns what ends its listening. */
function settled<Value>(clock: Clock, complaint: string, begin: (resolve: (value: Value) => void, reject: (error: Error) => void) => () => unknown): Promise<Value> {
  return new Promise((resolve, reject) => {
    const end = () => {
      cancel();
      stopListening();
    };
    const stopListening = begin(
      (value) => {
        end();
        resolve(value);
      },
      (error) => {
        end();
        reject(error);
      },
    );
    const cancel = clock.after(PIECE_LIMIT_MS, () => {
      stopListening();
      reject(new StalledError(`${complaint} in ${PIECE_LIMIT_MS / 1000} seconds`));
    });
  });
}
