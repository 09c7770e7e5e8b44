/**
 * The actions that lead from what is to the plan. Starts follow `start.after`, then priority, then name; the disks a VM lacks are
 * made right before it starts. Nothing leaves a host, so every state on the way fits because the last one does.
 */

import type { DiskPlace, PlanAction } from '../../protocol';
import type { PoolModel, VmModel } from '../drive/model';
import { diskKey, own } from './capacity';
import { byName } from './formulation';
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
  const waiting = new Map(byName(vms).map((vm) => [vm.name, vm]));
  const ordered: VmModel[] = [];
  const before = (a: VmModel, b: VmModel) => b.priority - a.priority || (a.name < b.name ? -1 : 1);
  while (waiting.size > 0) {
    const all = [...waiting.values()];
    const ready = all.filter((vm) => !vm.start.after.some((name) => name !== vm.name && waiting.has(name)));
    const batch = ready.length > 0 ? ready.sort(before) : all.sort(before).slice(0, 1);
    const next = batch[0];
    if (next === undefined) break;
    waiting.delete(next.name);
    ordered.push(next);
  }
  return ordered;
}
