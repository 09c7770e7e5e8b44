/** Carries out what an answer does to the range: shows that an address is free, records it, and only then lets the reply go. */

import type { Clock } from '../../system';
import { createAllowance } from '../allowance';
import { AVOIDED_MS } from '../answers/leases';
import { silence, type DhcpAnswer } from '../answers/exchange';
import type { FindNeighbour } from '../neighbours';
import { Doubts } from './doubts';
import type { LeaseBook } from './leaseBook';

export interface LendingOptions {
  readonly book: LeaseBook;
  readonly findNeighbour: FindNeighbour;
  readonly clock: Clock;
  readonly onTrouble: (sentence: string) => void;
}

/** Whoever has the address answers ARP within milliseconds; firmware waits for an offer for seconds. */
const LOOK_MS = 250;
/** Addresses tried for one machine: so many taken ones in a row mean that somebody else lends this range. */
const TRIES = 3;
/** Of addresses that the system remembers somebody at, so many more are passed over: that takes no time. */
const PASSED_OVER = 64;
/** How soon one of these is looked at again; firmware asks again meanwhile. */
const LOOK_AGAIN_MS = 10_000;
/**
 * New machines in a burst, and then each second. A machine that invents MACs can hold a range of less than a hundred
 * addresses with offers, and any range if it takes them all: what it has is gone until the lease ends. Hosts of the drive and
 * machines that hold an address already are never counted, and need no address of the range.
 */
const BURST = 32;
const PER_SECOND = 2;

/** Resolves with the answer to send. `again` decides anew, after what was found out. */
export type Settle = (answer: DhcpAnswer, again: () => DhcpAnswer) => Promise<DhcpAnswer>;

export function createLending({ book, findNeighbour, clock, onTrouble }: LendingOptions): Settle {
  const mayBegin = createAllowance(clock, BURST, PER_SECOND);
  const doubts = new Doubts(clock);
  return async (first, again) => {
    let answer = first;
    let passedOver = 0;
    for (let tried = 0; tried < TRIES; ) {
      const change = answer.lease;
      if (change === undefined) return answer;
      if (!('isNew' in change) || !change.isNew) {
        book.apply(change);
        if (change.state !== 'offered') await book.saved();
        return answer;
      }
      if (tried + passedOver === 0 && !mayBegin()) return silence('notable', 'more new machines ask for an address than the range is lent to at once: some are left waiting');
      // Held while it is looked at, so that nobody else is offered it.
      book.apply({ ...change, state: 'offered' });
      const holder = await findNeighbour(change.address, LOOK_MS);
      if (holder === undefined || holder.mac === change.mac) {
        doubts.end(change.address);
        book.apply(change);
        if (change.state === 'lent') await book.saved();
        return answer;
      }
      const avoid = (ms: number) => book.apply({ state: 'avoided', address: change.address, mac: holder.mac, untilMs: clock.now() + ms });
      if (holder.isRemembered && doubts.has(change.address, holder.mac)) {
        // Whoever had it before may have given it back a moment ago.
        passedOver += 1;
        avoid(LOOK_AGAIN_MS);
        if (passedOver === PASSED_OVER) return silence('quiet', 'many addresses of the range in a row may be in use still: the machine is answered when it asks again');
        answer = again();
        continue;
      }
      tried += 1;
      onTrouble(`${change.address} of the range is in use by ${holder.mac}, to which PXEN didn't lend it: it is left alone for an hour. Give that machine another address, or shrink network.range`);
      avoid(AVOIDED_MS);
      answer = again();
    }
    return silence('notable', 'one address of the range after the other is in use by machines that PXEN lent none to: does another DHCP server lend the same range?');
  };
}
