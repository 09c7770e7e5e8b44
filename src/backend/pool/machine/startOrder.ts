/** The order in which VMs start: `start.after` first, then priority, then name. */

import type { VmModel } from '../../drive/model';

/**
 * Sorted so that every VM comes after those it names in `start.after`; among VMs that are free to start the one of higher
 * priority comes first. VMs in a circle (which `validate` refuses) come last rather than never.
 */
export function startOrder(vms: readonly VmModel[]): readonly VmModel[] {
  const names = new Set(vms.map(({ name }) => name));
  const waiting = [...vms].sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
  const ordered: VmModel[] = [];
  const done = new Set<string>();
  while (waiting.length > 0) {
    const free = waiting.findIndex(({ start }) => start.after.every((name) => done.has(name) || !names.has(name)));
    const [next] = waiting.splice(Math.max(0, free), 1);
    if (next === undefined) break;
    ordered.push(next);
    done.add(next.name);
  }
  return ordered;
}
