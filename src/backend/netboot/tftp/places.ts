/**
 * Which transfers hold a place, and which give theirs up for one that waits. Pure.
 *
 * A forged request costs its sender one datagram, and a client that is gone says nothing: such transfers must not keep others out.
 * But silence is no proof either: firmware may be slow to acknowledge, and packets get lost. So a transfer that gives up its place isn't
 * ended: it steps aside, and goes on as soon as its client is heard. Only when as many have stepped aside as there are places does
 * one of these end. That makes twice as many transfers as there are places, and no more.
 */

export interface Holder {
  /** Many machines may share one, behind a relay that hides theirs. */
  readonly address: string;
  /** Undefined while the file is being opened; it keeps its place as long. */
  readonly transfer?: { readonly begun: boolean; readonly silentMs: number } | undefined;
}

/** In this time an answer was sent three times (at 0, 0.5 and 1.5 s): with one packet in twenty lost each way, one in a thousand is silent. */
const SILENT_MS = 2_000;

export class Places<One extends Holder> {
  readonly #limit: number;
  readonly #held = new Set<One>();
  readonly #heldBy = new Map<string, number>();
  readonly #aside = new Set<One>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get free(): boolean {
    return this.#held.size < this.#limit;
  }

  heldBy(address: string): number {
    return this.#heldBy.get(address) ?? 0;
  }

  take(one: One): void {
    this.#held.add(one);
    this.#heldBy.set(one.address, this.heldBy(one.address) + 1);
  }

  /** Its transfer has ended. */
  leave(one: One): void {
    this.#aside.delete(one);
    if (!this.#held.delete(one)) return;
    const left = this.heldBy(one.address) - 1;
    if (left > 0) this.#heldBy.set(one.address, left);
    else this.#heldBy.delete(one.address);
  }

  /**
   * Whether a place is free for one that waits, if need be because another stepped aside: one that has been silent for long, or one
   * of an address that even then has more places than the waiting one's.
   */
  makeRoomFor(address: string): boolean {
    if (this.free) return true;
    const stepping = idlest(this.#held, ({ transfer }) => transfer !== undefined && transfer.silentMs >= SILENT_MS) ?? this.#richOne(this.heldBy(address) + 2);
    if (!stepping) return false;
    this.leave(stepping);
    this.#aside.add(stepping);
    return true;
  }

  /** The one to end when more have stepped aside than there are places. */
  surplus(): One | undefined {
    return this.#aside.size > this.#limit ? idlest(this.#aside, () => true) : undefined;
  }

  /** Of the address with the most places, if these are so many. */
  #richOne(places: number): One | undefined {
    const most = Math.max(...this.#heldBy.values());
    return most < places ? undefined : idlest(this.#held, ({ address, transfer }) => transfer !== undefined && this.heldBy(address) === most);
  }
}

/** Before all others one that was never acknowledged; of these, the one that has been silent for longest. */
function idlest<One extends Holder>(ones: Iterable<One>, counts: (one: One) => boolean): One | undefined {
  let found: { readonly one: One; readonly begun: boolean; readonly silentMs: number } | undefined;
  for (const one of ones) {
    if (!counts(one)) continue;
    const { begun, silentMs } = one.transfer ?? { begun: false, silentMs: 0 };
    if (!found || (begun === found.begun ? silentMs > found.silentMs : found.begun)) found = { one, begun, silentMs };
  }
  return found?.one;
}
