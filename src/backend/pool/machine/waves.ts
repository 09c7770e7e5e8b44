/**
 * Hosts are switched on in waves: at most `wakeAtOnce` within any `wakePauseMs`, for the sake of breaker and UPS. A packet that is
 * sent again takes a place too. It may be the first that arrives: a switch that came up late would else have them all start at once.
 */

import type { Draft } from './draft';
import type { HostNode, PoolState, PoolTiming } from './state';

/** Its attempt has begun, but nothing was sent to it yet. */
export function waitsForPlace({ state, wakes }: HostNode): boolean {
  return state === 'waking' && wakes === 0;
}

/**
 * Of the hosts meant, whose packets are due: who gets a place, and who has to wait for one. Those that were sent none yet come
 * first, then the longest due, then the drive's order. Whom no packet switches on needs no place.
 */
export function takePlaces(draft: Draft, isMeant: (host: HostNode) => boolean): { readonly now: readonly string[]; readonly later: readonly string[] } {
  const { wakeAtOnce, wakePauseMs } = draft.config.timing;
  const all = [...draft.hosts]
    .flatMap(([name, host]) => (host.nextWakeAt !== undefined && host.nextWakeAt <= draft.now && isMeant(host) ? [{ name, since: host.nextWakeAt, isAgain: !waitsForPlace(host), method: host.spec.wake.method }] : []))
    .sort((a, b) => Number(a.isAgain) - Number(b.isAgain) || a.since - b.since);
  const due = all.filter(({ method }) => method === 'wol').map(({ name }) => name);
  const others = all.filter(({ method }) => method !== 'wol').map(({ name }) => name);
  if (due.length === 0) return { now: others, later: [] };
  const free = wakeAtOnce - draft.wokenAt.filter((at) => at + wakePauseMs > draft.now).length;
  const now = due.slice(0, free);
  draft.wokenAt = [...draft.wokenAt, ...now.map(() => draft.now)].slice(-wakeAtOnce);
  return { now: [...now, ...others], later: due.slice(free) };
}

/** When there is a place again; in the past: there is one. */
export function nextPlaceAt({ wokenAt, config: { timing } }: PoolState): number {
  const [first] = wokenAt;
  return first === undefined || wokenAt.length < timing.wakeAtOnce ? Number.NEGATIVE_INFINITY : first + timing.wakePauseMs;
}

/** Why a host isn't woken yet, as the end of a sentence that begins with its name. */
export function waitInWords({ wakeAtOnce, wakePauseMs }: PoolTiming): string {
  return `waits to be switched on: ${wakeAtOnce} at a time, every ${wakePauseMs / 1000} s`;
}
