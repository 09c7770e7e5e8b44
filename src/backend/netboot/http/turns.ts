/**
 * Whose turn it is to download a large file. Pure but for the clock.
 *
 * A link that a thousand machines share gives each a thousandth, and all are done at the very end. Some at a time at full
 * speed take as long in all, and the first are up long before. What waits is patient: iPXE waits for a response without a
 * limit of its own, and asks again when it is refused with `Retry-After` (iPXE, net/tcp/httpcore.c, any status); busybox's
 * wget in the initrd gives up after 20 s without a byte, and the script around it tries again. UEFI's HTTP boot
 * waits 5 s and takes a 503 for the end (EDK2, HttpBootDxe): but it fetches only a boot loader, which is small and waits for nobody.
 */

import type { Clock } from '../../system';
import { Progress } from './progress';

export interface TurnsOptions {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly onLoad: (load: { readonly running: number; readonly waiting: number }) => void;
}

export interface Turn {
  /** A piece was taken by the client. */
  moved(): void;
  /** The download is over, however it ended. */
  end(): void;
}

export type TurnAnswer = { readonly turn: Turn } | { readonly busy: 'too-long' | 'too-many' | 'gone' };

export interface TurnRequest {
  /** Who asks; one that was refused and comes back is as far ahead as it was. */
  readonly machine: string;
  /** How long it bears to wait, ms. */
  readonly patienceMs: number;
  /** The client has gone. */
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly machine: string;
  readonly sinceMs: number;
  readonly grant: (answer: TurnAnswer) => void;
}

/** A client that takes no piece for so long is slowed by itself, not by us: it goes on, and somebody else gets the place. */
const SLOW_MS = 15_000;
const MOST_WAITING = 2_048;
/** One that was refused and hasn't come back for so long has lost its rank. */
const RANK_KEPT_MS = 60_000;

export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting = new Set<Waiter>();
  /** When a machine that has to wait first asked. */
  readonly #ranks = new Map<string, { readonly sinceMs: number; seenMs: number }>();
  #running = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Resolves with a turn, at once if there is one, or with the reason why not. Never rejects. */
  ask({ machine, patienceMs, signal }: TurnRequest): Promise<TurnAnswer> {
    if (signal.aborted) return Promise.resolve({ busy: 'gone' });
    if (this.#running < this.#options.concurrency) return Promise.resolve({ turn: this.#grant(machine) });
    const sinceMs = this.#rankOf(machine);
    if (this.#waiting.size >= MOST_WAITING) return Promise.resolve({ busy: 'too-many' });
    return new Promise((resolve) => {
      const leave = () => waiter.grant({ busy: 'gone' });
      const cancel = this.#options.clock.after(patienceMs, () => waiter.grant({ busy: 'too-long' }));
      const waiter: Waiter = {
        machine,
        sinceMs,
        grant: (answer) => {
          cancel();
          signal.removeEventListener('abort', leave);
          this.#waiting.delete(waiter);
          if ('busy' in answer) this.#tell();
          resolve(answer);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(waiter);
      this.#tell();
    });
  }

  #rankOf(machine: string): number {
    const now = this.#options.clock.now();
    const rank = this.#ranks.get(machine);
    if (rank && now - rank.seenMs <= RANK_KEPT_MS) {
      rank.seenMs = now;
      return rank.sinceMs;
    }
    for (const [other, { seenMs }] of this.#ranks) if (now - seenMs > RANK_KEPT_MS) this.#ranks.delete(other);
    this.#ranks.set(machine, { sinceMs: now, seenMs: now });
    return now;
  }

  #grant(machine: string): Turn {
    this.#running += 1;
    this.#ranks.delete(machine);
    this.#tell();
    let holds = true;
    const end = () => {
      if (!holds) return;
      holds = false;
      progress.end();
      this.#running -= 1;
      this.#next();
    };
    const progress = new Progress({ clock: this.#options.clock, limitMs: SLOW_MS, isAwaited: () => true, onStall: end });
    return { moved: () => progress.moved(), end };
  }

  /** Who first asked longest ago, of those who are here. */
  #next(): void {
    let first: Waiter | undefined;
    for (const waiter of this.#waiting) if (!first || waiter.sinceMs < first.sinceMs) first = waiter;
    if (first && this.#running < this.#options.concurrency) first.grant({ turn: this.#grant(first.machine) });
    this.#tell();
  }

  #tell(): void {
    this.#options.onLoad({ running: this.#running, waiting: this.#waiting.size });
  }
}
