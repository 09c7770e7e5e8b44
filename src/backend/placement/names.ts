/** Names, orders and labels. */

import type { DiskPlace } from '../../protocol';

export function placeLabel(place: DiskPlace): string {
  return 'host' in place ? `${place.host}/${place.array}` : place.storage;
}

/** By code units, never by locale: the order must be the same on every machine. */
export function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export function indexByName(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name, index) => [name, index]));
}
