/**
 * Whether `after` keeps every order and overlap of a plan's actions feasible, given that they are feasible one after the other. Two actions must keep
 * their order, directly or through others, when
 *
 * - both concern one VM, other than two of its disks;
 * - the earlier gives back of a row that couldn't hold all that is ever taken, and the later takes of it;
 * - the later comes to a host that the earlier leaves, and they must be apart;
 * - the later starts a VM, and the earlier starts one it comes after or takes a companion away from where it was.
 */

import type { PlanAction } from '../../protocol';
import type { PoolModel } from '../drive/model';

export interface Played {
  readonly action: PlanAction;
  readonly takes: readonly (readonly [row: string, amount: number])[];
  readonly releases: readonly (readonly [row: string, amount: number])[];
}

export function checkOrder(played: readonly Played[], freeAtFirst: (row: string) => number, model: PoolModel): string[] {
  const violations = played.flatMap(({ action }, index) => {
    const isSound = action.after.every((earlier) => Number.isInteger(earlier) && earlier >= 0 && earlier < index);
    return isSound && Number.isInteger(action.seconds) && action.seconds >= 0 ? [] : [`action ${index} waits for what doesn't come before it, or takes no time`];
  });
  if (violations.length > 0) return violations;
  const taken = new Map<string, number>();
  for (const { takes } of played) for (const [row, amount] of takes) taken.set(row, (taken.get(row) ?? 0) + amount);
  const isTight = (row: string) => (taken.get(row) ?? 0) > freeAtFirst(row);
  const vms = new Map(model.vms.map((vm) => [vm.name, vm]));
  const partners = (name: string, kind: 'apart' | 'together') => new Set([...(vms.get(name)?.placement[kind] ?? []), ...model.vms.filter((vm) => vm.placement[kind].includes(name)).map((vm) => vm.name)]);
  // Whoever gives something back, is started or has a disk made concerns only some; most pairs aren't looked at.
  const byVm = new Map<string, number[]>();
  const leavers: number[] = [];
  played.forEach(({ action, takes }, index) => {
    const mine = byVm.get(action.vm) ?? [];
    const awaited = new Set(mine.filter((earlier) => !areDifferentDisks(played[earlier]?.action, action)));
    if (leavers.length > 0) {
      const rows = new Set(takes.flatMap(([row, amount]) => (amount > 0 && isTight(row) ? [row] : [])));
      const arrival = action.kind === 'start' ? action.host : action.kind === 'migrate' ? action.to : undefined;
      const [apart, together] = [partners(action.vm, 'apart'), partners(action.vm, 'together')];
      for (const earlier of leavers) {
        const leaver = played[earlier];
        if (leaver === undefined || leaver.action.vm === action.vm) continue;
        const from = leaver.action.kind === 'stop' ? leaver.action.host : leaver.action.kind === 'migrate' ? leaver.action.from : undefined;
        const givesRoom = leaver.releases.some(([row]) => rows.has(row));
        const givesWay = from !== undefined && ((from === arrival && apart.has(leaver.action.vm)) || (action.kind === 'start' && together.has(leaver.action.vm)));
        if (givesRoom || givesWay) awaited.add(earlier);
      }
    }
    if (action.kind === 'start') {
      for (const name of vms.get(action.vm)?.start.after ?? []) for (const earlier of byVm.get(name) ?? []) if (played[earlier]?.action.kind === 'start') awaited.add(earlier);
    }
    for (const earlier of unmet(played, index, awaited)) violations.push(`action ${index} (${action.kind} of ${action.vm}) must wait for action ${earlier}, and doesn't`);
    byVm.set(action.vm, [...mine, index]);
    if (action.kind !== 'create-disk' && action.kind !== 'start') leavers.push(index);
  });
  return violations;
}

/** Those of `awaited` that `after` doesn't lead to, over any number of steps. */
function unmet(played: readonly Played[], index: number, awaited: Set<number>): number[] {
  const left = new Set(awaited);
  const seen = new Set<number>();
  const open = [...(played[index]?.action.after ?? [])];
  for (let next = open.pop(); next !== undefined && left.size > 0; next = open.pop()) {
    left.delete(next);
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(played[next]?.action.after ?? []));
  }
  return [...left];
}

function areDifferentDisks(a: PlanAction | undefined, b: PlanAction): boolean {
  return a !== undefined && 'disk' in a && 'disk' in b && a.disk !== b.disk;
}
