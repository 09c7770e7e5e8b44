/** The range for strangers: in order, not too large, free of the pool's own machines, and of any use. */

import * as problems from '../problems';
import type { Problem } from '../problems';
import { parseAddress } from './addresses';
import type { Use } from './duplicates';
import type { SpecPool } from './pool';

/** What one file on the drive, and one server's memory, hold with ease. */
const LARGEST_RANGE = 8192;

/** `machines` are the pool's own. `ends` are the range's two addresses, to be checked like any others. */
export function rangeProblems({ model, places }: SpecPool['clusters'][number], machines: readonly Use[], describe: SpecPool['describe']): { readonly ends: readonly Use[]; readonly problems: readonly Problem[] } {
  const { dhcp, range, menuForUnknown, nameservers } = model.network;
  const key = () => places.key(['network', 'range']);
  if (range === undefined) {
    // The model has a range only where it is used.
    const unused = places.written(['network', 'range', 'from']) === undefined ? [] : [problems.rangeUnused(key(), dhcp)];
    const unseen = menuForUnknown === undefined || dhcp === 'proxy' ? [] : [problems.menuUnseen(places.value(['network', 'unknown']), dhcp)];
    return { ends: [], problems: [...unused, ...unseen] };
  }
  const end = (which: 'from' | 'to'): Use => ({ key: range[which], place: () => places.value(['network', 'range', which]), owner: 'the range' });
  const ends = [end('from'), end('to')];
  const [from, to] = [parseAddress(range.from), parseAddress(range.to)];
  if (to < from) return { ends, problems: [problems.rangeOrder(places.value(['network', 'range', 'to']), range.from, range.to)] };
  if (to - from >= LARGEST_RANGE) return { ends, problems: [problems.rangeSize(key(), to - from + 1, LARGEST_RANGE)] };
  const resolvers = nameservers.flatMap((address, index): Use[] => (machines.some((machine) => machine.key === address) ? [] : [{ key: address, place: () => places.value(['network', 'nameservers', index]), owner: 'a DNS server' }]));
  const inside = [...machines, ...resolvers].filter((machine) => parseAddress(machine.key) >= from && parseAddress(machine.key) <= to);
  return { ends, problems: inside.map((machine) => problems.rangeOverlap(key(), machine.key, machine.owner, describe(machine.place()))) };
}
