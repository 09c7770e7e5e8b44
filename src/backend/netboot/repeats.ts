/** Lets a sentence through once, then not again for a while (a minute unless said otherwise): a machine that asks every second must not fill the log. */

import type { Clock } from '../system';

const QUIET_MS = 60_000;
const MOST_REMEMBERED = 1000;

export function createRepeatFilter(clock: Clock, quietMs = QUIET_MS): (sentence: string) => boolean {
  const lastSaid = new Map<string, number>();
  return (sentence) => {
    const now = clock.now();
    const last = lastSaid.get(sentence);
    if (last !== undefined && now - last < quietMs) return false;
    lastSaid.delete(sentence);
    lastSaid.set(sentence, now);
    // The oldest goes first: however many strangers there are, this stays small.
    const [oldest] = lastSaid.keys();
    if (lastSaid.size > MOST_REMEMBERED && oldest !== undefined) lastSaid.delete(oldest);
    return true;
  };
}
