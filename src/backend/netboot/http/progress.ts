/** Whether something still moves, asked now and then: to set a timer anew at each move costs more than the move. */

import type { Clock } from '../../system';

/** So often within the limit it is looked. */
const LOOKS = 4;

export interface ProgressOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  /** While nobody is waited for, nothing has to move. */
  readonly isAwaited: () => boolean;
  /** Nothing has moved for `limitMs`, or up to a quarter longer. Called once. */
  readonly onStall: () => void;
}

export class Progress {
  readonly #options: ProgressOptions;
  #idleLooks = 0;
  #cancel: () => void = () => undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#lookLater();
  }

  moved(): void {
    this.#idleLooks = 0;
  }

  end(): void {
    this.#cancel();
  }

  /** By timers alone: the time of day may jump while a machine is set right. */
  #lookLater(): void {
    const { clock, limitMs, isAwaited, onStall } = this.#options;
    this.#cancel = clock.after(limitMs / LOOKS, () => {
      if (!isAwaited()) this.#idleLooks = 0;
      else this.#idleLooks += 1;
      // The first of them may have come right after a move, and proves nothing.
      if (this.#idleLooks > LOOKS) onStall();
      else this.#lookLater();
    });
  }
}
