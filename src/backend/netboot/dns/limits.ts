/** How many answers over UDP one address gets: a sender can be forged, and the answers then hit somebody else. Pure. */

import type { Clock } from '../../system';

/** A host asks a few questions at its boot; a resolver for the whole pool some dozens a second. */
export const ANSWERS_PER_SECOND = 100;
const BURST = 300;
const MOST_ADDRESSES = 10_000;

/** `truncate`: say "ask over TCP", which a forger's victim never does and a real client does at once. */
export type Verdict = 'answer' | 'truncate' | 'drop';

/** A bucket of answers an address, as response rate limiting in other servers; of what is over, every second one is dropped. */
export function createAnswerLimiter(clock: Clock): (address: string) => Verdict {
  const buckets = new Map<string, { left: number; atMs: number; over: number }>();
  return (address) => {
    const now = clock.now();
    const bucket = buckets.get(address) ?? { left: BURST, atMs: now, over: 0 };
    bucket.left = Math.min(BURST, bucket.left + (Math.max(0, now - bucket.atMs) / 1000) * ANSWERS_PER_SECOND);
    bucket.atMs = now;
    // Put behind the others: the first is then the one that hasn't asked for longest.
    buckets.delete(address);
    buckets.set(address, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MOST_ADDRESSES && oldest !== undefined) buckets.delete(oldest);
    if (bucket.left >= 1) {
      bucket.left -= 1;
      return 'answer';
    }
    bucket.over += 1;
    return bucket.over % 2 === 1 ? 'truncate' : 'drop';
  };
}
