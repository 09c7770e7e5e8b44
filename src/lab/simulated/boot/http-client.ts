/** HTTP as iPXE and the initrd use it. */

import type { Cable } from './network';

/** iPXE obeys Retry-After; so many times here. */
const BUSY_ATTEMPTS = 10;
/** A second of Retry-After, in the lab's time. */
const BUSY_SECOND_MS = 50;

/** The whole file. Rejects with the status when it isn't given; `pause` lets it wait as a busy server asks. */
export async function fetchFile(cable: Cable, uri: string, signal: AbortSignal, pause?: (ms: number) => Promise<void>): Promise<Buffer> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(cable.url(uri), { signal });
    const body = Buffer.from(await response.arrayBuffer());
    if (response.ok) return body;
    const wait = Number(response.headers.get('retry-after'));
    if (response.status !== 503 || !(wait > 0) || pause === undefined || attempt >= BUSY_ATTEMPTS) {
      throw new Error(`${uri}: ${response.status} ${body.toString('utf8').trim().slice(0, 200)}`);
    }
    await pause(wait * BUSY_SECOND_MS);
  }
}

/** Adds what is still missing to `have` (Range), and stops early at `limitBytes`. */
export async function fetchRest(cable: Cable, uri: string, have: Buffer, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
  const response = await fetch(cable.url(uri), { signal, headers: have.length === 0 ? {} : { range: `bytes=${have.length}-` } });
  const expected = have.length === 0 ? 200 : 206;
  if (response.status !== expected || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${uri}: ${response.status} where ${expected} was due`);
  }
  const parts = [have];
  let size = have.length;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    parts.push(Buffer.from(part));
    size += part.length;
    if (size >= limitBytes) break;
  }
  return Buffer.concat(parts).subarray(0, Math.max(limitBytes, 0));
}
