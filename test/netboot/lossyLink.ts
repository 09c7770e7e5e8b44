/** A network of one link in virtual time that loses, doubles and reorders datagrams as told, always the same way for a seed. */

import type { Clock } from '../../src/backend/system';
import { Luck, type Weather } from './weather';

export class LossyLink implements Clock {
  sent = 0;
  #time = 0;
  #order = 0;
  readonly #luck: Luck;
  readonly #events = new Set<{ readonly at: number; readonly order: number; readonly run: () => void }>();

  constructor(weather: Weather, seed: number) {
    this.#luck = new Luck(weather, seed);
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
    for (const copy of this.#luck.copies()) this.after(copy === 'late' ? 40 : 1, () => receive(bytes));
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
}
