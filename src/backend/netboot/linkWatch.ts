/** Whether the pool's network can be reached at all: without its link everything listens, and nobody hears or is heard. */

import type { Clock, Log } from '../system';
import { isLinkUp } from './machineInterfaces';

export interface LinkWatchOptions {
  /** The interface's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly isUp?: (name: string) => Promise<boolean>;
}

const LOOK_EVERY_MS = 2_000;

/** Tells when the link goes down, at once if it is, and when it comes up. */
export function watchLink({ name, clock, log, isUp = isLinkUp }: LinkWatchOptions): { close(): Promise<void> } {
  let wasUp = true;
  let isClosed = false;
  let cancel: () => void = () => undefined;
  const look = async () => {
    const isNowUp = await isUp(name);
    if (isClosed) return;
    if (wasUp && !isNowUp) log('warn', `The link of ${name} is down, so no machine can be reached: is its cable plugged in, and the switch on? What is asked once it is up is answered.`);
    if (!wasUp && isNowUp) log('info', `The link of ${name} is up.`);
    wasUp = isNowUp;
    cancel = clock.after(LOOK_EVERY_MS, () => void look());
  };
  void look();
  return {
    close: () => {
      isClosed = true;
      cancel();
      return Promise.resolve();
    },
  };
}
