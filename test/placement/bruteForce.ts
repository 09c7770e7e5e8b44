/**
 * Tries every placement of a small pool and judges it by the checker alone, which shares nothing with the solvers. Slow and simple on
 * purpose: this is what "optimal" is measured against.
 */

import type { DiskPlace, PlanAction } from '../../src/protocol';
import type { DiskModel, PoolModel, VmModel } from '../../src/backend/drive/model';
import { checkActions } from '../../src/backend/placement/check';
import type { Inventory, PreviousPlacement } from '../../src/backend/placement/inputs';

/** How many VMs of each priority run in the best placement: the highest priority first, then the next. */
export function bestPlacedByPriority(model: PoolModel, inventory: Inventory, previous: PreviousPlacement): ReadonlyMap<number, number> {
  const open = model.vms.filter((vm) => vm.start.auto && inventory.running[vm.name] === undefined).sort((a, b) => b.priority - a.priority);
  const priorities = [...new Set(model.vms.map((vm) => vm.priority))].sort((a, b) => b - a);
  const running = model.vms.filter((vm) => inventory.running[vm.name] !== undefined && inventory.hosts[inventory.running[vm.name]!]?.available !== false);
  const count = (vms: readonly VmModel[]) => priorities.map((priority) => vms.filter((vm) => vm.priority === priority).length);
  let best = count([]);
  const better = (a: readonly number[], b: readonly number[]) => {
    const first = a.findIndex((value, index) => value !== b[index]);
    return first >= 0 && a[first]! > b[first]!;
  };
  const descend = (index: number, placed: readonly VmModel[], actions: readonly PlanAction[]): void => {
    const vm = open[index];
    if (vm === undefined) {
      const counts = count(placed);
      if (better(counts, best)) best = counts;
      return;
    }
    if (!better(count([...placed, ...open.slice(index)]), best)) return;
    for (const host of model.hosts) {
      for (const disks of placesFor(vm, host.name, vm.disks, model, inventory, previous)) {
        const next: PlanAction[] = [...actions, ...disks, { kind: 'start', vm: vm.name, host: host.name }];
        if (checkActions(model, inventory, previous, next).length === 0) descend(index + 1, [...placed, vm], next);
      }
    }
    descend(index + 1, placed, actions);
  };
  descend(0, running, []);
  return new Map(priorities.map((priority, index) => [priority, best[index]!]));
}

/** Every way to make the missing disks for a VM on this host. */
function placesFor(vm: VmModel, host: string, disks: readonly DiskModel[], model: PoolModel, inventory: Inventory, previous: PreviousPlacement): PlanAction[][] {
  const [disk, ...rest] = disks;
  if (disk === undefined) return [[]];
  const others = placesFor(vm, host, rest, model, inventory, previous);
  const key = `${vm.name}/${disk.name}`;
  if ((inventory.disks[key] ?? previous.disks[key]) !== undefined) return others;
  const arrays = model.hosts.find((candidate) => candidate.name === host)!.arrays;
  const places: DiskPlace[] = disk.storage === undefined ? arrays.map((array) => ({ host, array: array.name })) : [{ storage: disk.storage }];
  return places.flatMap((to) => others.map((other): PlanAction[] => [{ kind: 'create-disk', vm: vm.name, disk: disk.name, to, bytes: disk.sizeBytes }, ...other]));
}
