/** Contradictions between VMs: start orders that go in a circle, and pairs both apart and together. */

import * as problems from '../problems';
import type { Problem } from '../problems';
import type { Place } from '../text';
import type { Located, SpecPool } from './pool';
import type { VmModel } from '../model';

type VmsByName = ReadonlyMap<string, Located<VmModel>>;

export function orderingProblems(pool: SpecPool): readonly Problem[] {
  const vms: VmsByName = new Map(pool.vms.map((vm) => [vm.model.name, vm]));
  return [...startCycles(pool, vms), ...contradictions(pool, vms)];
}

/** Each circle once, told at each of its `after` entries. */
function startCycles(pool: SpecPool, vms: VmsByName): readonly Problem[] {
  const waiting = [...vms].filter(([, { model }]) => model.start.after.length > 0);
  const after = new Map(waiting.map(([name, { model }]) => [name, new Set(model.start.after.filter((other) => other !== name && vms.has(other)))]));
  const found: Problem[] = [];
  for (;;) {
    const cycle = findCycle(after);
    if (!cycle) return found;
    const places = cycle.map((name, index) => entryPlace(vms, name, ['start', 'after'], cycle[(index + 1) % cycle.length] ?? name));
    for (const [index, place] of places.entries()) {
      const turned = [...cycle.slice(index), ...cycle.slice(0, index + 1)];
      const next = places[(index + 1) % places.length];
      if (place && next) found.push(problems.startCycle(place, turned, pool.describe(next)));
    }
    // Without the circle's own entries the search goes on for others.
    for (const [index, name] of cycle.entries()) after.get(name)?.delete(cycle[(index + 1) % cycle.length] ?? name);
  }
}

/** A circle among `name → those before it`, beginning with its smallest name; undefined when there is none. */
function findCycle(after: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const finished = new Set<string>();
  for (const root of [...after.keys()].sort()) {
    // Depth-first with a stack of its own: a long chain of VMs mustn't exhaust the program's.
    const path = new Set<string>();
    const pending: { readonly name: string; readonly rest: string[] }[] = [];
    const enter = (name: string) => {
      path.add(name);
      pending.push({ name, rest: [...(after.get(name) ?? [])].sort().reverse() });
    };
    if (!finished.has(root)) enter(root);
    for (let top = pending.at(-1); top; top = pending.at(-1)) {
      const next = top.rest.pop();
      if (next === undefined) {
        finished.add(top.name);
        pending.pop();
        path.delete(top.name);
      } else if (path.has(next)) {
        return fromSmallest([...path].slice([...path].indexOf(next)));
      } else if (!finished.has(next)) {
        enter(next);
      }
    }
  }
  return undefined;
}

function fromSmallest(cycle: readonly string[]): readonly string[] {
  const smallest = cycle.indexOf([...cycle].sort()[0] ?? '');
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
}

function contradictions(pool: SpecPool, vms: VmsByName): readonly Problem[] {
  if (pool.vms.every(({ model }) => model.placement.together.length === 0)) return [];
  const together = togetherGraph(vms);
  return pool.vms.flatMap(({ model, places }) =>
    model.placement.apart.flatMap((other, index) => {
      const chain = other === model.name ? undefined : shortestChain(together, model.name, other);
      const [first = model.name, second = other] = chain ?? [];
      if (!chain) return [];
      const link = entryPlace(vms, first, ['placement', 'together'], second) ?? entryPlace(vms, second, ['placement', 'together'], first);
      return link ? problems.apartAndTogether(places.value(['placement', 'apart', index]), model.name, other, chain, pool.describe(link)) : [];
    }),
  );
}

/** `together` holds both ways, whoever wrote it. */
function togetherGraph(vms: VmsByName): ReadonlyMap<string, ReadonlySet<string>> {
  const graph = new Map<string, Set<string>>([...vms.keys()].map((name) => [name, new Set()]));
  for (const [name, { model }] of vms) {
    for (const other of model.placement.together) {
      graph.get(name)?.add(other);
      graph.get(other)?.add(name);
    }
  }
  return graph;
}

function shortestChain(graph: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): readonly string[] | undefined {
  const chains = new Map<string, readonly string[]>([[from, [from]]]);
  // A map's iteration also visits what is added meanwhile: this is a queue.
  for (const [name, chain] of chains) {
    if (name === to) return chain;
    for (const next of graph.get(name) ?? []) if (!chains.has(next)) chains.set(next, [...chain, next]);
  }
  return undefined;
}

function entryPlace(vms: VmsByName, name: string, list: readonly string[], entry: string): Place | undefined {
  const vm = vms.get(name);
  if (!vm) return undefined;
  const entries = list[0] === 'start' ? vm.model.start.after : list[1] === 'together' ? vm.model.placement.together : vm.model.placement.apart;
  const index = entries.indexOf(entry);
  return index < 0 ? undefined : vm.places.value([...list, index]);
}
