/** VMs left out that have the same to tell, such as copies of one VM: it is told once. */

import type { UnplacedVm } from '../../protocol';

/** In the order of their first members; members differ in nothing but their names. */
export function alikeVms(unplaced: readonly UnplacedVm[]): UnplacedVm[][] {
  const groups = new Map<string, UnplacedVm[]>();
  for (const left of unplaced) {
    const text = JSON.stringify([left.priority, left.reasons, left.conflict]);
    // Its own name only: `web1` is part of `web1-2` as well.
    const key = text.replaceAll(new RegExp(`(?<![\\w-])${left.vm.replaceAll('.', '\\.')}(?![\\w-])`, 'g'), '*');
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [left]);
    else known.push(left);
  }
  return [...groups.values()];
}
