/**
 * Read requests that wait for a place. Pure.
 *
 * Machines bear a late first packet, and no late ones after (Becker 2006), so what is over the limit waits at the door. Next is whoever
 * waits longest among the addresses that have the fewest transfers running: one address that asks a thousand times
 * takes no turn away from another. A request asked for again keeps its place.
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
    if (this.#entries.size > this.#options.limit) this.#dropOne();
  }

  /** Takes the next one out, if `admits` lets its address in. `running` is how many transfers an address has. */
  next(nowMs: number, running: (address: string) => number, admits: (address: string) => boolean = () => true): { readonly key: string; readonly request: Request } | undefined {
    let best: { key: string; address: string; request: Request; running: number } | undefined;
    for (const [key, { address, request, lastAskedMs }] of this.#entries) {
      if (nowMs - lastAskedMs > this.#options.patienceMs) {
        this.#entries.delete(key);
        continue;
      }
      const has = running(address);
      if (!best || has < best.running) best = { key, address, request, running: has };
      if (has === 0) break;
    }
    if (!best || !admits(best.address)) return undefined;
    this.#entries.delete(best.key);
    return best;
  }

  clear(): void {
    this.#entries.clear();
  }

  #dropOne(): void {
    const counts = new Map<string, number>();
    for (const { address } of this.#entries.values()) counts.set(address, (counts.get(address) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const last = [...this.#entries].findLast(([, { address }]) => counts.get(address) === most);
    if (last) this.#entries.delete(last[0]);
  }
}
