/**
 * A server's link in virtual time: all that it sends goes through one wire of a given bandwidth, in order, through a queue
 * of a switch's size; some of it is lost, doubled or late, always the same for a seed.
 */

import type { Clock } from '../../src/backend/system';
import { Luck, type Weather } from './weather';

export interface VirtualLinkOptions {
  readonly bytesPerSecond: number;
  /** What is sent beyond this is dropped. */
  readonly queueBytes: number;
  readonly weather: Weather;
  readonly seed: number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** One way, milliseconds; what is late comes so much later. */
const LATENCY_MS = 0.1;
const LATE_MS = 5;
/** Ethernet, IP, UDP. */
const OVERHEAD_BYTES = 66;

export class VirtualLink implements Clock {
  /** Set by who has started something that promises carry on: time stands still until they have. */
  settling = false;
  dropped = 0;
  readonly #options: VirtualLinkOptions;
  /** A binary heap by time, then order. */
  readonly #events: Event[] = [];
  #now = 0;
  #order = 0;
  readonly #luck: Luck;
  #busyUntilMs = 0;

  constructor(options: VirtualLinkOptions) {
    this.#options = options;
    this.#luck = new Luck(options.weather, options.seed);
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const event: Event = { atMs: this.#now + delayMs, order: (this.#order += 1), run };
    this.#push(event);
    return () => (event.run = undefined);
  }

  /** A datagram of the server's. */
  down(bytes: number, receive: () => void): void {
    const size = bytes + OVERHEAD_BYTES;
    if ((this.#busyUntilMs - this.#now) * (this.#options.bytesPerSecond / 1000) > this.#options.queueBytes) {
      this.dropped += 1;
      return;
    }
    this.#busyUntilMs = Math.max(this.#now, this.#busyUntilMs) + (size / this.#options.bytesPerSecond) * 1000;
    this.#deliver(this.#busyUntilMs - this.#now, receive);
  }

  /** A datagram to the server: these are small, and the way up is free. */
  up(receive: () => void): void {
    this.#deliver(0, receive);
  }

  /** Bytes of a TCP stream, whose losses the kernel mends: they take the wire's time once more, and a round trip. */
  stream(bytes: number, received: () => void): void {
    const { lost } = this.#options.weather;
    this.#busyUntilMs = Math.max(this.#now, this.#busyUntilMs) + ((bytes * 1.05) / (1 - lost) / this.#options.bytesPerSecond) * 1000;
    this.after(this.#busyUntilMs - this.#now + 3 * LATENCY_MS, received);
  }

  /** Runs until nothing is left to happen. */
  async run(): Promise<void> {
    for (;;) {
      if (this.settling) {
        this.settling = false;
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const event = this.#pop();
      if (!event) return;
      if (!event.run) continue;
      this.#now = event.atMs;
      event.run();
    }
  }

  #deliver(afterMs: number, receive: () => void): void {
    for (const copy of this.#luck.copies()) this.after(afterMs + LATENCY_MS + (copy === 'late' ? LATE_MS : 0), receive);
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#events;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function before(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
