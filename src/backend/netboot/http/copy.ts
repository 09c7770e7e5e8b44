/** A stretch of a file into a response, in large pieces through buffers that are used again. */

import { read, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../system';
import { Progress } from './progress';

/**
 * Of a stream's default size, or of 128 KiB, each costs more in turns of the event loop than its bytes do; one of a MiB leaves the
 * second cache of today's processors between being read and being written.
 */
const PIECE_BYTES = 7 << 17;
/** A new buffer of this size costs as much as filling it; so many are kept when nobody needs them. */
const MOST_KEPT = 32;
/** One piece: a client slower than 15 KiB/s is none that will ever boot. */
const PIECE_LIMIT_MS = 60_000;
/** From memory a piece takes a fraction of this, unless somebody else had the processor meanwhile; a flash drive takes longer. */
const QUICK_READ_MS = 1;
/** So many in a row make it likely that the next ones are in memory too. */
const QUICK_IN_A_ROW = 8;
const SLOW_READ_MS = 10;
/** So long after a slow one everything is read on threads. */
const SLOW_KEPT_MS = 30_000;

/** What all downloads of a server share. */
export class Pieces {
  readonly #kept: Buffer[] = [];
  /** Of each file, how many pieces in a row came as quickly as only memory is. */
  readonly #quick = new Map<string, number>();
  #slowAtMs = -Infinity;

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  giveBack(piece: Buffer): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(piece);
  }

  /** Whether the system should have the file in its memory. */
  isInMemory(file: string, nowMs: number): boolean {
    return (this.#quick.get(file) ?? 0) >= QUICK_IN_A_ROW && nowMs - this.#slowAtMs > SLOW_KEPT_MS;
  }

  wasReadOnThread(file: string, tookMs: number): void {
    this.#quick.set(file, tookMs <= QUICK_READ_MS ? (this.#quick.get(file) ?? 0) + 1 : 0);
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
export async function copyStretch(response: ServerResponse, pieces: Pieces, stretch: Stretch): Promise<void> {
  const socket = await socketOf(response, stretch.clock);
  response.flushHeaders();
  const handle = await open(stretch.file);
  try {
    await new Promise<void>((resolve, reject) => {
      const copy = new Copy(socket, pieces, stretch, handle.fd, (error) => {
        if (error) reject(error);
        else resolve();
      });
      copy.go();
    });
  } finally {
    await handle.close();
  }
}

/** Behind an earlier request of the same connection that is still being answered, a response has no socket yet (RFC 9112 §9.3.2). */
async function socketOf(response: ServerResponse, clock: Clock): Promise<Socket> {
  if (response.socket) return response.socket;
  return new Promise((resolve, reject) => {
    const end = () => {
      cancel();
      response.off('socket', come);
      response.req.socket.off('close', gone);
    };
    const come = (socket: Socket) => {
      end();
      resolve(socket);
    };
    const gone = () => {
      end();
      reject(new Error('the client has gone'));
    };
    response.once('socket', come);
    response.req.socket.once('close', gone);
    const cancel = clock.after(PIECE_LIMIT_MS, () => {
      end();
      reject(new StalledError(`its turn on the connection did not come in ${PIECE_LIMIT_MS / 1000} seconds`));
    });
  });
}

/**
 * Callbacks on one object rather than promises: there are hundreds of pieces to a file, and what is made anew for each, and
 * compiled by the engine meanwhile on the processor that the client's end needs too, made the first downloads a third slower.
 */
class Copy {
  readonly #socket: Socket;
  readonly #pieces: Pieces;
  readonly #stretch: Stretch;
  readonly #fd: number;
  readonly #progress: Progress;
  readonly #onEnd: (error: Error | undefined) => void;
  /** The next piece is read into the first of them, while the last may still be on its way from the other. */
  #buffers: readonly [Buffer, Buffer];
  /** Where in the file the next piece begins. */
  #at: number;
  /** A thread reads into the first buffer. */
  #isReading = false;
  /** Read, and not yet written. */
  #ready: Buffer | undefined;
  /** Bytes of the piece that the system hasn't taken all of yet; 0 when it waits for one. */
  #untaken = 0;
  #error: Error | undefined;
  #hasEnded = false;

  /** `onEnd` is called once, when neither the system nor a thread has any use for the buffers or the file any more. */
  constructor(socket: Socket, pieces: Pieces, stretch: Stretch, fd: number, onEnd: (error: Error | undefined) => void) {
    this.#socket = socket;
    this.#pieces = pieces;
    this.#stretch = stretch;
    this.#fd = fd;
    this.#onEnd = onEnd;
    this.#buffers = [pieces.take(), pieces.take()];
    this.#at = stretch.start;
    socket.on('drain', this.#taken).on('close', this.#gone);
    this.#progress = new Progress({
      clock: stretch.clock,
      limitMs: PIECE_LIMIT_MS,
      isAwaited: () => this.#untaken > 0,
      onStall: () => this.#fail(new StalledError(`the client took less than ${PIECE_BYTES} bytes in ${PIECE_LIMIT_MS / 1000} seconds`)),
    });
  }

  /** Reads and writes what can be read and written now. */
  readonly go = (): void => {
    if (this.#error || this.#hasEnded) return;
    if (!this.#ready && !this.#isReading && this.#at < this.#stretch.end) this.#readNext();
    this.#writeNext();
  };

  #readNext(): void {
    const now = this.#stretch.clock.now();
    if (!this.#pieces.isInMemory(this.#stretch.file, now)) this.#readOnThread(now);
    // Read any sooner, this piece would push the last one out of the processor's cache.
    else if (this.#untaken === 0) this.#readAtOnce(now);
  }

  #writeNext(): void {
    if (this.#error || this.#untaken > 0) return;
    if (this.#ready) this.#write(this.#ready);
    else if (!this.#isReading) this.#end();
  }

  /** On a thread of libuv's: a slow drive keeps nobody waiting. */
  #readOnThread(beganMs: number): void {
    this.#isReading = true;
    read(this.#fd, this.#buffers[0], 0, this.#nextLength(), this.#at, (error, bytes) => {
      this.#isReading = false;
      if (this.#error) {
        this.#end();
        return;
      }
      if (error) {
        this.#fail(error);
        return;
      }
      this.#pieces.wasReadOnThread(this.#stretch.file, this.#stretch.clock.now() - beganMs);
      this.#wasRead(bytes);
      this.go();
    });
  }

  /**
   * To ask a thread for what is in memory costs more than to copy it. Where the system has dropped it meanwhile, everything waits
   * for this piece, once in a while.
   */
  #readAtOnce(beganMs: number): void {
    try {
      this.#wasRead(readSync(this.#fd, this.#buffers[0], 0, this.#nextLength(), this.#at));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    const endedMs = this.#stretch.clock.now();
    if (endedMs - beganMs >= SLOW_READ_MS) this.#pieces.wasSlow(endedMs);
  }

  #nextLength(): number {
    return Math.min(PIECE_BYTES, this.#stretch.end - this.#at);
  }

  #wasRead(bytes: number): void {
    if (bytes === 0) {
      this.#fail(new Error(`${this.#stretch.file} ends after ${this.#at} bytes`));
      return;
    }
    const [filled, other] = this.#buffers;
    this.#at += bytes;
    this.#ready = bytes === PIECE_BYTES ? filled : filled.subarray(0, bytes);
    this.#buffers = [other, filled];
  }

  /**
   * Straight to the socket: a response keeps each write back for a moment, in case that there is more, and meanwhile what was to
   * be written has left the processor's cache.
   */
  #write(piece: Buffer): void {
    const socket = this.#socket;
    this.#ready = undefined;
    this.#untaken = piece.length;
    this.#progress.moved();
    // A callback for each piece costs a tenth of the speed; `drain` tells the same, but only of what the socket's buffer can't hold.
    if (piece.length < socket.writableHighWaterMark) socket.write(piece, this.#taken);
    else socket.write(piece);
    // One that is destroyed holds nothing either.
    if (socket.destroyed) this.#gone();
    else if (socket.writableLength === 0 && this.#untaken > 0) {
      this.#count();
      // Where both the file and the client are quick, all others would wait for the last piece.
      setImmediate(this.go);
    } else this.go();
  }

  /** The system has all of what was written; or, with an error, never will: `close` follows. */
  readonly #taken = (error?: Error | null): void => {
    if (error || this.#untaken === 0) return;
    this.#count();
    this.go();
  };

  #count(): void {
    const bytes = this.#untaken;
    this.#untaken = 0;
    this.#stretch.onTaken(bytes);
  }

  readonly #gone = (): void => this.#fail(new Error('the client has gone'));

  /** Of a destroyed socket the system writes no more; what a thread reads is waited for. */
  #fail(error: Error): void {
    if (this.#error || this.#hasEnded) return;
    this.#error = error;
    this.#socket.destroy();
    if (!this.#isReading) this.#end();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#progress.end();
    this.#socket.off('drain', this.#taken).off('close', this.#gone);
    for (const buffer of this.#buffers) this.#pieces.giveBack(buffer);
    this.#onEnd(this.#error);
  }
}
