/** What becomes of datagrams on their way: lost, doubled or late as told, always the same way for a seed. */

export interface Weather {
  /** Shares of datagrams, 0…1. */
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
}

export type Copy = 'prompt' | 'late';

export class Luck {
  readonly #weather: Weather;
  #seed: number;

  constructor(weather: Weather, seed: number) {
    this.#weather = weather;
    this.#seed = seed;
  }

  /** The copies of one datagram that arrive; none when it is lost. */
  copies(): readonly Copy[] {
    const { lost, doubled, late } = this.#weather;
    if (this.#chance(lost)) return [];
    return Array.from({ length: this.#chance(doubled) ? 2 : 1 }, () => (this.#chance(late) ? 'late' : 'prompt'));
  }

  /** mulberry32: the same numbers on every machine. */
  #chance(share: number): boolean {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < share;
  }
}
