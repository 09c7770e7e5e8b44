/**
 * Read requests that wait for a place. Pure.
 *
 * Machines bear a late first packet, and no late ones after (Becker 2006), so what is over the limit waits at the door. Next is whoever
 * waits longest among the addresses that have the fewest places: one address that asks a thousand times takes no turn away from another. A request asked for again keeps its place.
 */

export interface WaitingOptions {
  readonly limit: number;
  /** Who hasn't asked again for so long has given up. */
  readonly patienceMs: number;
}

interface Entry<Request> {
  readonly address: string;
  request: Request;
  lastAskedMs: number;
}

export class Waiting<Request> {
  readonly #options: WaitingOptions;
  /** By key, in the order of the first request. */
  readonly #entries = new Map<string, Entry<Request>>();
  readonly #countOf = new Map<string, number>();
  /** How many addresses have so many. To count anew for each request of a flood would stop everything else. */
  readonly #addressesWith: number[] = [];
  #most = 0;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** When all places to wait are taken, the last comer of the address with the most of them gives up its own. */
  add(key: string, address: string, request: Request, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry) {
      entry.request = request;
      entry.lastAskedMs = nowMs;
      return;
    }
    this.#entries.set(key, { address, request, lastAskedMs: nowMs });
    this.#count(address, 1);
    if (this.#entries.size > this.#options.limit) this.#delete(this.#countOf.get(address) === this.#most ? key : this.#lastOfMost());
  }

  /** Takes the next one out, if `admits` lets its address in. `places` is how many an address has. */
  next(nowMs: number, places: (address: string) => number, admits: (address: string) => boolean = () => true): { readonly key: string; readonly request: Request } | undefined {
    let best: { key: string; address: string; request: Request; places: number } | undefined;
    for (const [key, { address, request, lastAskedMs }] of this.#entries) {
      if (nowMs - lastAskedMs > this.#options.patienceMs) {
        this.#delete(key);
        continue;
      }
      const has = places(address);
      if (!best || has < best.places) best = { key, address, request, places: has };
      if (has === 0) break;
    }
    if (!best || !admits(best.address)) return undefined;
    this.#delete(best.key);
    return best;
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.#delete(key);
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#count(entry.address, -1);
  }

  #count(address: string, change: 1 | -1): void {
    const before = this.#countOf.get(address) ?? 0;
    const count = before + change;
    if (count === 0) this.#countOf.delete(address);
    else this.#countOf.set(address, count);
    this.#addressesWith[before] = (this.#addressesWith[before] ?? 0) - 1;
    this.#addressesWith[count] = (this.#addressesWith[count] ?? 0) + 1;
    if (count > this.#most) this.#most = count;
    else if (before === this.#most && this.#addressesWith[before] === 0) this.#most = count;
  }

  /** The key of the last comer among the addresses with the most. */
  #lastOfMost(): string {
    let last = '';
    for (const [key, { address }] of this.#entries) if (this.#countOf.get(address) === this.#most) last = key;
    return last;
  }
}
