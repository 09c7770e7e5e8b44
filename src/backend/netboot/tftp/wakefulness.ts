/**
 * Keeps the thread awake for a moment when a packet is expected at once, as the acknowledgement of a block is. To fall asleep and
 * to be woken takes an idle processor tens of microseconds, a virtual one more: most of the time between two blocks in lock step.
 * Looking again meanwhile costs less than that sleep.
 */

/** Calls back in the next turn of the event loop, packets having been looked for in between. */
type NextTurn = (callback: () => void) => unknown;

/** About a tenth of a millisecond when nothing else happens: longer than any network takes to a machine on the same switch. */
const TURNS_AWAKE = 40;
/** Where the wait was in vain, answers take longer than that: so many are then slept through before the next try. */
const SLEPT_THROUGH = 64;

export class Wakefulness {
  readonly #nextTurn: NextTurn;
  #turnsLeft = 0;
  #awake = false;
  #waiting = false;
  #sleepThrough = 0;

  constructor(nextTurn: NextTurn = setImmediate) {
    this.#nextTurn = nextTurn;
  }

  /** Something was sent that is answered at once. */
  expect(): void {
    if (!this.#awake && this.#sleepThrough > 0) {
      this.#sleepThrough -= 1;
      return;
    }
    this.#waiting = true;
    this.#turnsLeft = TURNS_AWAKE;
    if (this.#awake) return;
    this.#awake = true;
    this.#nextTurn(this.#turn);
  }

  /** A packet has come. */
  heard(): void {
    this.#waiting = false;
  }

  readonly #turn = (): void => {
    if (this.#turnsLeft > 0) {
      this.#turnsLeft -= 1;
      this.#nextTurn(this.#turn);
      return;
    }
    this.#awake = false;
    if (this.#waiting) this.#sleepThrough = SLEPT_THROUGH;
  };
}
