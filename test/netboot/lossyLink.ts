/** A network of one link in virtual time that loses, doubles and reorders datagrams as told, always the same way for a seed. */

import type { Clock } from '../../src/backend/system';

export interface Weather {
  /** Shares of datagrams, 0…1. */
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
}

export class LossyLink implements Clock {
  sent = 0;
  #time = 0;
  #order = 0;
  #seed: number;
  readonly #weather: Weather;
  readonly #events = new Set<{ readonly at: number; readonly order: number; readonly run: () => void }>();

  constructor(weather: Weather, seed: number) {
    this.#weather = weather;
    this.#seed = seed;
  }

  now(): number {
    return this.#time;
  }

  after(delayMs: number, run: () => void): () => void {
    const event = { at: this.#time + delayMs, order: (this.#order += 1), run };
    this.#events.add(event);
    return () => void this.#events.delete(event);
  }

  /** Delivers after a millisecond, or as the weather has it. */
  carry(bytes: Buffer, receive: (bytes: Buffer) => void): void {
    this.sent += 1;
    if (this.#chance(this.#weather.lost)) return;
    const copies = this.#chance(this.#weather.doubled) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) this.after(this.#chance(this.#weather.late) ? 40 : 1, () => receive(bytes));
  }

  /** Runs until nothing is left to happen. */
  run(): void {
    for (let steps = 0; this.#events.size > 0; steps += 1) {
      if (steps > 1_000_000) throw new Error('the link never comes to rest');
      let next = [...this.#events][0];
      for (const event of this.#events) if (next && (event.at < next.at || (event.at === next.at && event.order < next.order))) next = event;
      if (!next) return;
      this.#events.delete(next);
      this.#time = next.at;
      next.run();
    }
  }

  /** mulberry32: the same numbers on every machine. */
  #chance(share: number): boolean {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < share;
  }
}
