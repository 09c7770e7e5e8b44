/** The pool as told by events: each one is laid over what was known before. */

import type { PoolEvent, PoolSnapshot } from '../protocol';

/** The snapshot after the event; the same one when the event changes nothing that a snapshot holds. */
export function afterEvent(snapshot: PoolSnapshot | undefined, event: PoolEvent): PoolSnapshot | undefined {
  if (event.event === 'pool') return event.snapshot;
  if (snapshot === undefined) return undefined;
  if (event.event === 'host') return { ...snapshot, at: event.at, hosts: replaced(snapshot.hosts, event.host) };
  if (event.event === 'vm') return { ...snapshot, at: event.at, vms: replaced(snapshot.vms, event.vm) };
  return snapshot;
}

/** In place of the one of that name, or at the end. */
function replaced<T extends { readonly name: string }>(items: readonly T[], item: T): readonly T[] {
  return items.some(({ name }) => name === item.name) ? items.map((old) => (old.name === item.name ? item : old)) : [...items, item];
}
