/**
 * Which actions must wait for which, so that the others may run at the same time. The list is feasible one after the other; a step that takes of a
 * row which couldn't hold all that is ever taken of it waits for every earlier step that gives back of it. That is enough for any order and overlap: of
 * the steps under way or done, look at the one that takes of the row and is last in the list; all that was given back before it in the list has been
 * given back, and what was taken is no more than at its turn in the list.
 */

import type { PoolModel } from '../drive/model';
import type { Effect, Ledger } from './ledger';
import { togetherGroups } from './relations';

/** For each step the indices of those it waits for, ascending. `start` is the ledger before the first step. */
export function dependencies(effects: readonly Effect[], start: Pick<Ledger, 'free' | 'isApart'>, model: PoolModel): number[][] {
  const taken = new Map<string, number>();
  for (const { takes } of effects) for (const [row, amount] of takes) taken.set(row, (taken.get(row) ?? 0) + amount);
  const isTight = (row: string) => (taken.get(row) ?? 0) > start.free(row);
  const startsAfter = new Map(model.vms.map((vm) => [vm.name, vm.start.after]));
  const groups = togetherGroups(model.vms);
  const groupOf = new Map(model.vms.map((vm, index) => [vm.name, `group ${groups[index] ?? -1}`]));
  const byVm = new Map<string, number[]>();
  const releases = new Map<string, number[]>();
  const departures = new Map<string, number[]>();
  const list = (map: Map<string, number[]>, key: string): number[] => {
    const known = map.get(key);
    if (known !== undefined) return known;
    const fresh: number[] = [];
    map.set(key, fresh);
    return fresh;
  };
  return effects.map(({ step, takes, releases: given }, index) => {
    const waits = new Set<number>();
    for (const earlier of list(byVm, step.vm)) if (mustFollow(step, effects[earlier]?.step)) waits.add(earlier);
    for (const [row, amount] of takes) if (amount > 0 && isTight(row)) for (const earlier of releases.get(row) ?? []) waits.add(earlier);
    const arrival = step.kind === 'start' ? step.host : step.kind === 'migrate' ? step.to : undefined;
    if (arrival !== undefined) {
      for (const earlier of departures.get(arrival) ?? []) if (start.isApart(step.vm, effects[earlier]?.step.vm ?? '')) waits.add(earlier);
    }
    if (step.kind === 'start') {
      for (const name of startsAfter.get(step.vm) ?? []) for (const earlier of byVm.get(name) ?? []) if (effects[earlier]?.step.kind === 'start') waits.add(earlier);
      const group = groupOf.get(step.vm) ?? ALONE;
      // Its companions must have left where they were.
      if (group !== ALONE) for (const earlier of departures.get(group) ?? []) if (effects[earlier]?.step.vm !== step.vm) waits.add(earlier);
    }
    list(byVm, step.vm).push(index);
    for (const row of given.keys()) list(releases, row).push(index);
    const departure = step.kind === 'stop' ? step.host : step.kind === 'migrate' ? step.from : undefined;
    if (departure !== undefined) for (const key of [departure, groupOf.get(step.vm) ?? ALONE]) list(departures, key).push(index);
    return [...waits].sort((a, b) => a - b);
  });
}

/** Not a host's name: names have no spaces. */
const ALONE = 'group -1';

/** Different disks of one VM may be made or copied at the same time; everything else of one VM goes in order. */
function mustFollow(step: Effect['step'], earlier: Effect['step'] | undefined): boolean {
  if (earlier === undefined) return false;
  return !('disk' in step && 'disk' in earlier) || step.disk === earlier.disk;
}
