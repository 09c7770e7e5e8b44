/** `apart` and `together` as numbers. */

import type { VmModel } from '../drive/model';
import { indexByName } from './names';
import { at } from './packing';

/** The VMs each must be apart from, ascending; symmetric. */
export function apartPairs(vms: readonly VmModel[], vmIndex: ReadonlyMap<string, number>): Int32Array[] {
  const pairs = vms.map(() => new Set<number>());
  for (const [vm, { placement }] of vms.entries()) {
    for (const name of placement.apart) {
      const other = vmIndex.get(name);
      if (other === undefined || other === vm) continue;
      at(pairs, vm).add(other);
      at(pairs, other).add(vm);
    }
  }
  return pairs.map((set) => Int32Array.from(set).sort());
}

/** The number of each VM's group, −1 for a VM that is alone. */
export function togetherGroups(vms: readonly VmModel[]): Int32Array {
  const vmIndex = indexByName(vms.map((vm) => vm.name));
  const leader = vms.map((_, vm) => vm);
  const find = (vm: number): number => (at(leader, vm) === vm ? vm : find(at(leader, vm)));
  for (const [vm, { placement }] of vms.entries()) {
    for (const name of placement.together) {
      const other = vmIndex.get(name);
      if (other !== undefined) leader[Math.max(find(vm), find(other))] = Math.min(find(vm), find(other));
    }
  }
  const sizes = new Map<number, number>();
  for (const vm of leader.keys()) sizes.set(find(vm), (sizes.get(find(vm)) ?? 0) + 1);
  const numbers = new Map<number, number>();
  return Int32Array.from(leader.keys(), (vm) => {
    const root = find(vm);
    if ((sizes.get(root) ?? 0) < 2) return -1;
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return numbers.get(root) ?? -1;
  });
}
