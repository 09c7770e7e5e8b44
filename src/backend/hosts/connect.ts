/** Opens the way into a booted host. */

import { systemClock, type Clock } from '../system';
import type { ConnectHost } from './control';
import { Dom0 } from './dom0';
import { Session } from './session';

/** A `ConnectHost` over ssh that takes its time from `clock`. One attempt a call: when to try again is the pool's business. */
export function connectHostWith(clock: Clock): ConnectHost {
  return async (target, signal) => {
    const session = await Session.open(target, clock, signal);
    return new Dom0(session, session.closed, () => session.close(), clock);
  };
}

export const connectHost: ConnectHost = connectHostWith(systemClock);
