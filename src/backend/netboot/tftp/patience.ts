/**
 * How long a transfer waits before it sends again, and when it gives up. Pure.
 *
 * A fixed wait of a second makes each lost packet cost a second, and at one lost packet in a hundred a boot loader of a
 * thousand blocks takes ten of them. So the wait follows the round trips seen, as TCP's does (RFC 6298). Sending a block
 * too early does no harm: a client acknowledges it again, and a doubled acknowledgement is never answered.
 */

/** Before a round trip was seen. */
const FIRST_WAIT_MS = 500;
const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 4_000;
/** Firmware that initialises a disk or draws a progress bar may be silent for some seconds. */
const SILENCE_LIMIT_MS = 20_000;
/** With a wait fixed by the client, at least so many are allowed: one packet in twenty lost each way, and one wait in ten is in vain. */
const FEWEST_WAITS = 5;
/**
 * The longest wait that a client may fix: with it, silence lasts a minute at most. RFC 2349 has values up to 255 s, five of which
 * would be twenty minutes; but a server needn't take the option, and then sends again by the round trips, long before. Firmware and
 * tools ask for 1 to 6 s.
 */
export const LONGEST_FIXED_WAIT_MS = 12_000;

export class Patience {
  readonly #fixedMs: number | undefined;
  #smoothedMs: number | undefined;
  #variationMs = 0;
  #silences = 0;
  #silentMs = 0;

  /** `fixedMs`: the client's `timeout` option, which is then kept to exactly (RFC 2349); at most `LONGEST_FIXED_WAIT_MS`. */
  constructor(fixedMs: number | undefined) {
    this.#fixedMs = fixedMs;
  }

  /** Of all waits in a row that passed without an answer. */
  get silentMs(): number {
    return this.#silentMs;
  }

  /** The present wait; undefined when the silence has lasted long enough. */
  get waitMs(): number | undefined {
    if (this.#fixedMs !== undefined) return this.#silentMs < Math.max(SILENCE_LIMIT_MS, FEWEST_WAITS * this.#fixedMs) ? this.#fixedMs : undefined;
    if (this.#silentMs >= SILENCE_LIMIT_MS) return undefined;
    const base = this.#smoothedMs === undefined ? FIRST_WAIT_MS : Math.max(SHORTEST_WAIT_MS, this.#smoothedMs + 4 * this.#variationMs);
    return Math.min(LONGEST_WAIT_MS, base * 2 ** this.#silences);
  }

  /** The wait passed without an answer. */
  silent(): void {
    this.#silentMs += this.waitMs ?? 0;
    this.#silences += 1;
  }

  /** An answer came `roundTripMs` after what it answers; undefined when that was sent more than once (Karn's rule). */
  answered(roundTripMs: number | undefined): void {
    this.#silences = 0;
    this.#silentMs = 0;
    if (roundTripMs === undefined) return;
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
    } else {
      this.#variationMs += (Math.abs(this.#smoothedMs - roundTripMs) - this.#variationMs) / 4;
      this.#smoothedMs += (roundTripMs - this.#smoothedMs) / 8;
    }
  }
}
