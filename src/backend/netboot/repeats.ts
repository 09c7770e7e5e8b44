/** Lets a sentence through once, then not again for a while (a minute unless said otherwise): a machine that asks every second must not fill the log. */

import type { Clock } from '../system';

const QUIET_MS = 60_000;
/** At least so many of the latest sentences are remembered, and at most twice as many: however many strangers there are, this stays small. */
const REMEMBERED = 1000;

export function createRepeatFilter(clock: Clock, quietMs = QUIET_MS): (sentence: string) => boolean {
  // Two maps that take turns: to delete the oldest for each new sentence costs as much as all else here.
  let recent = new Map<string, number>();
  let before = new Map<string, number>();
  return (sentence) => {
    const now = clock.now();
    const last = recent.get(sentence) ?? before.get(sentence);
    // A clock that was set back has not been silent for longer.
    if (last !== undefined && last <= now && now - last < quietMs) return false;
    if (recent.size === REMEMBERED) {
      before = recent;
      recent = new Map();
    }
    recent.set(sentence, now);
    return true;
  };
}
