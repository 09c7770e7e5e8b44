/** A stretch of a file into a response, in large pieces through buffers that are used again. */

import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../system';

/** With pieces of this size one client gets nginx's speed; with those of a stream's default size, a third of it. */
const PIECE_BYTES = 1 << 20;
/** A new buffer of this size costs as much as filling it; so many are kept when nobody needs them. */
const MOST_KEPT = 32;
/** One piece: a client slower than 9 KiB/s is none that will ever boot. */
const PIECE_LIMIT_MS = 120_000;

/** The buffers of all downloads of a server. */
export class Pieces {
  readonly #kept: Buffer[] = [];

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  giveBack(piece: Buffer): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(piece);
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
 * While one piece is on its way, the next is read. Resolves when the last was handed to the system; rejects when the
 * client has gone or stalls, or when the file can't be read or is shorter. The response isn't ended.
 */
export async function copyStretch(response: ServerResponse, pieces: Pieces, { clock, file, start, end, onTaken }: Stretch): Promise<void> {
  const handle = await open(file);
  const buffers = [pieces.take(), pieces.take()] as const;
  const read = async (into: Buffer, from: number) => {
    const { bytesRead } = await handle.read(into, 0, Math.min(into.length, end - from), from);
    if (bytesRead === 0) throw new Error(`${file} ends after ${from} bytes`);
    return into.subarray(0, bytesRead);
  };
  let reading: Promise<Buffer> | undefined;
  let writing: Promise<unknown> | undefined;
  try {
    reading = start < end ? read(buffers[0], start) : undefined;
    for (let at = start, turn = 1; at < end; turn += 1) {
      const piece = await (reading ?? read(buffers[0], at));
      at += piece.length;
      await writing;
      writing = write(response, piece, clock).then(() => onTaken(piece.length));
      // Whoever awaits it sees the rejection; meanwhile it is no unhandled one.
      writing.catch(() => undefined);
      reading = at < end ? read(buffers[turn % 2 === 1 ? 1 : 0], at) : undefined;
      reading?.catch(() => undefined);
    }
    await writing;
  } finally {
    // The system may still write from, or read into, a buffer: another download must not get it before.
    await Promise.allSettled([reading, writing]);
    for (const buffer of buffers) pieces.giveBack(buffer);
    await handle.close();
  }
}

function write(response: ServerResponse, piece: Buffer, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error | null) => {
      cancel();
      response.off('close', gone);
      if (error) reject(error);
      else resolve();
    };
    const gone = () => finish(new Error('the client has gone'));
    const cancel = clock.after(PIECE_LIMIT_MS, () => {
      response.destroy();
      finish(new StalledError(`the client took less than ${PIECE_BYTES} bytes in ${PIECE_LIMIT_MS / 1000} seconds`));
    });
    if (response.destroyed) {
      gone();
      return;
    }
    response.once('close', gone);
    response.write(piece, finish);
  });
}
