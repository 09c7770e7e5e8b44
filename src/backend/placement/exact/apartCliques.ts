/**
 * Sets of VMs of which each must be apart from each other one, such that every pair is in some set. One row a set says far more to a continuous program
 * than a row a pair, which lets half a VM of everybody be on each host.
 */

import { at } from '../packing';

/** `isApart` is symmetric; `vms` ascending. Greedy: sets are as large as they get, not as few as they could be. */
export function apartCliques(vms: readonly number[], isApart: (a: number, b: number) => boolean): number[][] {
  const covered = new Set<string>();
  const cliques: number[][] = [];
  vms.forEach((a, index) => {
    for (const b of vms.slice(index + 1)) {
      if (covered.has(`${a} ${b}`) || !isApart(a, b)) continue;
      const clique = [a, b];
      for (const c of vms) if (c !== a && c !== b && clique.every((member) => isApart(member, c))) clique.push(c);
      clique.sort((x, y) => x - y);
      clique.forEach((x, first) => clique.slice(first + 1).forEach((y) => covered.add(`${x} ${y}`)));
      cliques.push(clique);
    }
  });
  return cliques;
}

/** Whether two of them must be apart by the lists of the problem. */
export function apartBy(vmApart: readonly Int32Array[]): (a: number, b: number) => boolean {
  const sets = new Map<number, Set<number>>();
  return (a, b) => {
    const known = sets.get(a) ?? new Set(at(vmApart, a));
    sets.set(a, known);
    return known.has(b);
  };
}
