/** A stretch of a file into a response, in large pieces through buffers that are used again. */

import { read, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../system';
import { systemInputs, type Inputs } from './inputs';
import { Progress } from './progress';

const PAGE_BYTES = 4096;
/**
 * So much stays in the processor's cache between being read and being written. Whole pages, as the system's copies are slower where
 * those aren't; and on loopback just short of eight segments (65,483 bytes), since a few bytes in one more cost as much as a whole
 * one. Both measured: by the first one client gets a fifth more, by the second 32 take an eighth less of the processor.
 */
const PIECE_BYTES = 127 * PAGE_BYTES;
/**
 * A buffer lies in the middle of what is allocated for it: glibc puts large blocks 16 bytes into a page, and what is copied there from
 * the start of another page takes four times as long on some processors (AMD's Zen 3: `rep movsb` waits as if it read what it has
 * just written).
 */
const BEFORE_BUFFER_BYTES = PAGE_BYTES / 2;
/** Of what is in memory, in one turn of the event loop. */
const PIECES_A_TURN = 2;
/** A new buffer of this size costs as much as filling it; so many are kept when nobody needs them. */
const MOST_KEPT = 32;
/** One piece: a client slower than 8 KiB/s is none that will ever boot. */
const PIECE_LIMIT_MS = 60_000;
/** A piece that a thread has so quickly counts as in memory even if it was fetched: to read the next ones at once is cheap as well. */
const QUICK_READ_MS = 1;
/** So many in a row, 10 MiB, are more than a system reads ahead for one download: the next ones should be in memory too. */
const IN_MEMORY_IN_A_ROW = 20;
/** From memory the pieces of a turn take a fiftieth of this, unless somebody else had the processor meanwhile. */
const SLOW_READ_MS = 10;
/** So long after a slow one everything is read on threads. */
const SLOW_KEPT_MS = 30_000;

/** What all downloads of a server share. */
export class Pieces {
  readonly #kept: Buffer[] = [];
  /** Of each file, how many pieces in a row came from memory. */
  readonly #inMemory = new Map<string, number>();
  readonly #inputs: Inputs;
  #slowAtMs = -Infinity;

  constructor(inputs: Inputs = systemInputs) {
    this.#inputs = inputs;
  }

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES + PAGE_BYTES).subarray(BEFORE_BUFFER_BYTES, BEFORE_BUFFER_BYTES + PIECE_BYTES);
  }

  giveBack(room: Buffer): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(room);
  }

  /** Whether the system should have the file in its memory. */
  isInMemory(file: string, nowMs: number): boolean {
    return (this.#inMemory.get(file) ?? 0) >= IN_MEMORY_IN_A_ROW && nowMs - this.#slowAtMs > SLOW_KEPT_MS;
  }

  areInputsCounted(file: string): Promise<boolean> {
    return this.#inputs.areCounted(file);
  }

  /**
   * Called before a read, it gives what tells after it whether anything was fetched meanwhile, for this read or another: then all of
   * them count as fetched. How long a read takes doesn't tell: where many clients ask at once, a thread waits for the processor
   * longer than for a drive. Only where inputs aren't counted everything may have been fetched, and time has to tell.
   */
  watchInputs(areCounted: boolean): () => boolean {
    if (!areCounted) return () => true;
    const before = this.#inputs.count();
    return () => this.#inputs.count() !== before;
  }

  wasReadOnThread(file: string, tookMs: number, wasFetched: () => boolean): void {
    this.#inMemory.set(file, tookMs <= QUICK_READ_MS || !wasFetched() ? (this.#inMemory.get(file) ?? 0) + 1 : 0);
  }

  /** The pieces of a turn; while they were, everything else waited. */
  wasReadAtOnce(file: string, tookMs: number, wasFetched: () => boolean, nowMs: number): void {
    if (tookMs < SLOW_READ_MS || !wasFetched()) return;
    this.#inMemory.set(file, 0);
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

interface OpenStretch extends Stretch {
  readonly fd: number;
  readonly areInputsCounted: boolean;
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
  const [handle, areInputsCounted] = await Promise.all([open(stretch.file), pieces.areInputsCounted(stretch.file)]);
  try {
    await new Promise<void>((resolve, reject) => {
      const copy = new Copy(socket, pieces, { ...stretch, fd: handle.fd, areInputsCounted }, (error) => {
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
  if (response.req.socket.destroyed) throw new Error('the client has gone');
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
 * Callbacks on one object rather than promises: there are hundreds of pieces to a file, and the more code each runs through, the
 * longer the engine compiles during a server's first downloads, on the processor that others need: they took a third longer.
 */
class Copy {
  readonly #socket: Socket;
  readonly #pieces: Pieces;
  readonly #stretch: OpenStretch;
  readonly #progress: Progress;
  readonly #onEnd: (error: Error | undefined) => void;
  /** The next piece is read into the first of them, while the last may still be on its way from the second. */
  #rooms: readonly [Buffer, Buffer];
  /** Where in the file the next piece begins. */
  #at: number;
  /** A thread reads into the first of them. */
  #isReading = false;
  /** Read, and not yet written. */
  #ready: Buffer | undefined;
  /** Bytes of the piece that the system hasn't taken all of yet; 0 when it waits for one. */
  #untaken = 0;
  #error: Error | undefined;
  #hasEnded = false;

  /** `onEnd` is called once, when neither the system nor a thread has any use for the buffers or the file any more. */
  constructor(socket: Socket, pieces: Pieces, stretch: OpenStretch, onEnd: (error: Error | undefined) => void) {
    this.#socket = socket;
    this.#pieces = pieces;
    this.#stretch = stretch;
    this.#onEnd = onEnd;
    this.#rooms = [pieces.take(), pieces.take()];
    this.#at = stretch.start;
    socket.on('drain', this.#taken).on('close', this.#gone);
    this.#progress = new Progress({
      clock: stretch.clock,
      limitMs: PIECE_LIMIT_MS,
      isAwaited: () => this.#untaken > 0,
      onStall: () => this.#fail(new StalledError(`the client took less than ${PIECE_BYTES} bytes in ${PIECE_LIMIT_MS / 1000} seconds`)),
    });
  }

  /** Reads and writes what can be read and written now. At most one write or one next turn is waited for, and a thread's reading beside. */
  readonly go = (): void => {
    if (this.#error || this.#hasEnded) return;
    const { clock, file, end } = this.#stretch;
    if (!this.#ready && !this.#isReading && this.#at < end) {
      if (!this.#pieces.isInMemory(file, clock.now())) this.#readOnThread();
      else if (this.#untaken === 0) {
        this.#copyAtOnce();
        return;
      }
    }
    if (this.#untaken > 0) return;
    if (this.#ready) this.#writeReady(this.#ready);
    else if (!this.#isReading) this.#end();
  };

  /** On a thread of libuv's: a slow drive keeps nobody waiting. */
  #readOnThread(): void {
    const { clock, file, fd, areInputsCounted } = this.#stretch;
    const [room, other] = this.#rooms;
    const wasFetched = this.#pieces.watchInputs(areInputsCounted);
    const beganMs = clock.now();
    this.#isReading = true;
    read(fd, room, 0, this.#nextBytes(), this.#at, (error, bytes) => {
      this.#isReading = false;
      if (this.#error) {
        this.#end();
        return;
      }
      if (error) {
        this.#fail(error);
        return;
      }
      this.#pieces.wasReadOnThread(file, clock.now() - beganMs, wasFetched);
      if (!this.#wasRead(bytes)) return;
      this.#ready = bytes === PIECE_BYTES ? room : room.subarray(0, bytes);
      this.#rooms = [other, room];
      this.go();
    });
  }

  #writeReady(piece: Buffer): void {
    this.#ready = undefined;
    if (this.#write(piece)) {
      this.#tell(piece.length);
      setImmediate(this.go);
    } else this.go();
  }

  /**
   * To ask a thread for what is in memory costs more than to copy it. Where the system has dropped it meanwhile, everything waits
   * for these pieces, once in a while.
   */
  #copyAtOnce(): void {
    const { clock, file, end, areInputsCounted } = this.#stretch;
    const [room, other] = this.#rooms;
    const wasFetched = this.#pieces.watchInputs(areInputsCounted);
    let readingMs = 0;
    let taken = 0;
    for (let piece = 0; piece < PIECES_A_TURN && this.#at < end; piece += 1) {
      const beganMs = clock.now();
      const bytes = this.#readAtOnce(room);
      readingMs += clock.now() - beganMs;
      if (!this.#wasRead(bytes) || !this.#write(bytes === PIECE_BYTES ? room : room.subarray(0, bytes))) break;
      taken += bytes;
    }
    this.#pieces.wasReadAtOnce(file, readingMs, wasFetched, clock.now());
    if (taken > 0) this.#tell(taken);
    if (this.#untaken > 0) this.#rooms = [other, room];
    // Where both the file and the client are quick, all others would wait for the last piece.
    else setImmediate(this.go);
  }

  /** Where a stretch begins within a page, its first piece ends with one, so that the others are whole pages. */
  #nextBytes(): number {
    return Math.min(PIECE_BYTES - (this.#at % PAGE_BYTES), this.#stretch.end - this.#at);
  }

  /** How many bytes there are; 0 as well when it has failed. */
  #readAtOnce(room: Buffer): number {
    try {
      return readSync(this.#stretch.fd, room, 0, this.#nextBytes(), this.#at);
    } catch (error) {
      this.#fail(asError(error));
      return 0;
    }
  }

  #wasRead(bytes: number): boolean {
    if (bytes === 0) this.#fail(new Error(`${this.#stretch.file} ends after ${this.#at} bytes`));
    this.#at += bytes;
    return bytes > 0;
  }

  /**
   * True when the system has all of it; else `#taken` follows. Straight to the socket: a response keeps each write back for a
   * moment, in case that there is more, and meanwhile what was to be written has left the processor's cache.
   */
  #write(bytes: Buffer): boolean {
    const socket = this.#socket;
    this.#progress.moved();
    // A callback each time costs a tenth of the speed; `drain` tells the same, but only of what the socket's buffer can't hold.
    if (bytes.length < socket.writableHighWaterMark) socket.write(bytes, this.#taken);
    else socket.write(bytes);
    // One that has failed holds nothing either.
    if (socket.destroyed || socket.errored) this.#gone();
    else if (socket.writableLength > 0) this.#untaken = bytes.length;
    else return true;
    return false;
  }

  /**
   * The system has all of what was written; or, with an error, never will: `close` follows. Called as well for a little that it
   * took at once, when more is on its way already.
   */
  readonly #taken = (error?: Error | null): void => {
    if (error || this.#untaken === 0 || this.#socket.writableLength > 0) return;
    const bytes = this.#untaken;
    this.#untaken = 0;
    this.#tell(bytes);
    this.go();
  };

  /** What goes wrong there ends this download, and nothing else. */
  #tell(bytes: number): void {
    try {
      this.#stretch.onTaken(bytes);
    } catch (error) {
      this.#fail(asError(error));
    }
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
    for (const room of this.#rooms) this.#pieces.giveBack(room);
    this.#onEnd(this.#error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
