/**
 * The actions that lead from what is to the plan. Starts follow `start.after`, then priority, then name; the disks a VM lacks are
 * made right before it starts. Nothing leaves a host, so every state on the way fits because the last one does.
 */

import type { DiskPlace, PlanAction } from '../../protocol';
import type { PoolModel, VmModel } from '../drive/model';
import { diskKey, own } from './capacity';
import { byName } from './names';
import type { Inventory, PreviousPlacement } from './inputs';

export interface Target {
  readonly assignments: Readonly<Record<string, string>>;
  readonly disks: Readonly<Record<string, DiskPlace>>;
}

export function planActions(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, target: Target): PlanAction[] {
  const starting = model.vms.filter((vm) => own(target.assignments, vm.name) !== undefined && own(inventory.running, vm.name) === undefined);
  return inStartOrder(starting).flatMap((vm) => {
    const host = own(target.assignments, vm.name) ?? '';
    return [...missingDisks(vm, inventory, previous, target), { kind: 'start' as const, vm: vm.name, host }];
  });
}

function missingDisks(vm: VmModel, inventory: Inventory, previous: PreviousPlacement, target: Target): PlanAction[] {
  return vm.disks.flatMap((disk) => {
    const key = diskKey(vm.name, disk.name);
    const to = own(target.disks, key);
    if (to === undefined || own(inventory.disks, key) !== undefined || own(previous.disks, key) !== undefined) return [];
    return [{ kind: 'create-disk' as const, vm: vm.name, disk: disk.name, to, bytes: disk.sizeBytes }];
  });
}

/**
 * Those that come after nobody first; of several, the higher priority, then the name. A circle, which validation reports, is
 * broken at its VM of highest priority.
 */
export function inStartOrder(vms: readonly VmModel[]): VmModel[] {
  const sorted = byName(vms).sort((a, b) => b.priority - a.priority);
  const rank = new Map(sorted.map((vm, index) => [vm.name, index]));
  const followers = sorted.map((): number[] => []);
  const awaited = sorted.map((vm, index) => {
    const before = [...new Set(vm.start.after)].flatMap((name) => rank.get(name) ?? []).filter((other) => other !== index);
    for (const other of before) followers[other]?.push(index);
    return before.length;
  });
  const waiting = new Set(sorted.keys());
  // Descending, so that the next one is at the end.
  const ready = sorted.flatMap((_, index) => (awaited[index] === 0 ? [index] : [])).reverse();
  const ordered: VmModel[] = [];
  while (waiting.size > 0) {
    const next = ready.pop() ?? Math.min(...waiting);
    const vm = sorted[next];
    if (vm === undefined || !waiting.delete(next)) continue;
    ordered.push(vm);
    for (const follower of followers[next] ?? []) {
      const left = (awaited[follower] ?? 0) - 1;
      awaited[follower] = left;
      if (left === 0) insertDescending(ready, follower);
    }
  }
  return ordered;
}

function insertDescending(values: number[], value: number): void {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) > value) low = middle + 1;
    else high = middle;
  }
  values.splice(low, 0, value);
}
