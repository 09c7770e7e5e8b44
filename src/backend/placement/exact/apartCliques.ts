/**
 * Sets of VMs of which each must be apart from each other one, such that every pair is in some set. One row a set says far more to a continuous program
 * than a row a pair, which lets half a VM of everybody be on each host.
 */

import { at } from '../packing';

/** By VM: those it must be apart from, ascending. Symmetric. */
export type Neighbours = ReadonlyMap<number, readonly number[]>;

/** Greedy: sets are as large as they get, not as few as they could be. Takes time for the pairs there are, however many VMs have none. */
export function apartCliques(neighbours: Neighbours): number[][] {
  const isApart = apartBy(neighbours);
  const count = [...neighbours.keys()].reduce((most, vm) => Math.max(most, vm + 1), 0);
  const covered = new Set<number>();
  const cliques: number[][] = [];
  for (const [a, peers] of [...neighbours].sort(([x], [y]) => x - y)) {
    for (const b of peers) {
      if (b < a || covered.has(a * count + b)) continue;
      const others = neighbours.get(b) ?? [];
      const clique = [a, b];
      for (const c of peers.length < others.length ? peers : others) if (c !== a && c !== b && clique.every((member) => isApart(member, c))) clique.push(c);
      clique.sort((x, y) => x - y);
      clique.forEach((x, first) => clique.slice(first + 1).forEach((y) => covered.add(x * count + y)));
      cliques.push(clique);
    }
  }
  return cliques;
}

/** Of these VMs by the lists of the problem, without the pairs that don't count. */
export function apartNeighbours(vmApart: readonly Int32Array[], vms: readonly number[], counts: (a: number, b: number) => boolean): Neighbours {
  const known = new Set(vms);
  const neighbours = new Map<number, number[]>();
  for (const vm of vms) {
    const peers = Array.from(at(vmApart, vm)).filter((peer) => known.has(peer) && counts(vm, peer));
    if (peers.length > 0) neighbours.set(vm, peers);
  }
  return neighbours;
}

/** Whether two of them must be apart. */
function apartBy(neighbours: Neighbours): (a: number, b: number) => boolean {
  const sets = new Map<number, ReadonlySet<number>>();
  return (a, b) => {
    const known = sets.get(a) ?? new Set(neighbours.get(a));
    sets.set(a, known);
    return known.has(b);
  };
}
