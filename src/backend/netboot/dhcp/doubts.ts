/**
 * Machines that the system remembers at an address, where they may be no more: it finds out only when it is made to ask, which
 * each look at the address does.
 */

import type { Clock } from '../../system';
import { BELIEVED_MS, FORGOTTEN_MS } from '../neighbours';

interface Doubt {
  readonly mac: string;
  readonly sinceMs: number;
  /** The first look that made the system ask. */
  askedMs?: number;
  lastMs: number;
}

/** A doubt that nobody came back to. */
const KEPT_MS = 600_000;

export class Doubts {
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, Doubt>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be told of each look that found a remembered machine. False once the system must have heard from it again. */
  has(address: string, mac: string): boolean {
    const now = this.#clock.now();
    for (const [other, { lastMs }] of this.#byAddress) if (now - lastMs > KEPT_MS) this.#byAddress.delete(other);
    const known = this.#byAddress.get(address);
    const doubt = known?.mac === mac ? known : { mac, sinceMs: now, lastMs: now };
    this.#byAddress.set(address, doubt);
    doubt.lastMs = now;
    if (doubt.askedMs !== undefined && now - doubt.askedMs >= FORGOTTEN_MS) return false;
    if (now - doubt.sinceMs >= BELIEVED_MS) doubt.askedMs ??= now;
    return true;
  }

  end(address: string): void {
    this.#byAddress.delete(address);
  }
}
