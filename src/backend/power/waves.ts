/** Switching several hosts on without all of them drawing their inrush at once. */

import type { BootModel, HostModel } from '../drive/model';
import { type Clock, delay } from '../system';
import { WakeError } from './wake';

export interface WavesRequest {
  /** The first ones are woken first. */
  readonly hosts: readonly HostModel[];
  readonly waves: Pick<BootModel, 'wakeAtOnce' | 'wakePauseMs'>;
  readonly wake: (host: HostModel) => Promise<void>;
  /** Called as each wave begins, with what it is of how many. */
  readonly onWave?: (wave: readonly HostModel[], number: number, of: number) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * How the waking of each host ended, in the order given. The pause is from the beginning of one wave to that of the next, whatever
 * becomes of its packets. Never rejects: hosts that an abort forestalls end with the signal's reason.
 */
export async function wakeInWaves({ hosts, waves: { wakeAtOnce, wakePauseMs }, wake, onWave, clock, signal }: WavesRequest): Promise<readonly PromiseSettledResult<void>[]> {
  const of = Math.ceil(hosts.length / wakeAtOnce);
  const endings: Promise<readonly PromiseSettledResult<void>[]>[] = [];
  const wakeOne = async (host: HostModel) => {
    signal.throwIfAborted();
    await wake(host);
  };
  for (let number = 1; number <= of; number += 1) {
    // That it was aborted shows in how each host's waking ends.
    if (number > 1) await delay(clock, wakePauseMs, signal).catch(() => undefined);
    const wave = hosts.slice((number - 1) * wakeAtOnce, number * wakeAtOnce);
    if (!signal.aborted) onWave?.(wave, number, of);
    endings.push(Promise.allSettled(wave.map(wakeOne)));
  }
  return (await Promise.all(endings)).flat();
}

/** For who needs all of them: rejects when all have ended, with a {@link WakeError} that tells of every host, or with what else went wrong. */
export async function wakeAll(request: WavesRequest): Promise<void> {
  const errors = (await wakeInWaves(request)).flatMap((result) => (result.status === 'rejected' ? [errorOf(result.reason)] : []));
  request.signal.throwIfAborted();
  const other = errors.find((error) => !(error instanceof WakeError));
  if (other !== undefined) throw other;
  if (errors.length > 0) throw new WakeError(errors.map(({ message }) => message).join(' '));
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
