/** How often something may happen: a burst, and then so often a second. */

import type { Clock } from '../system';

/** The returned function takes one from the allowance, or says that there is none. */
export function createAllowance(clock: Clock, burst: number, perSecond: number): () => boolean {
  let allowed = burst;
  let countedAt = clock.now();
  return () => {
    const now = clock.now();
    allowed = Math.min(burst, allowed + (Math.max(0, now - countedAt) / 1000) * perSecond);
    countedAt = now;
    if (allowed < 1) return false;
    allowed -= 1;
    return true;
  };
}
