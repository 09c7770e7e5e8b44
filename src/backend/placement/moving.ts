/**
 * What may move and how. Definitions like those of `capacity.ts`: the formulation, the actions, the checker and the explanations read them here.
 *
 * A running VM moves live when all it needs is reachable from both hosts: `xl migrate` carries its memory, never its disks. A disk is copied while
 * its VM is down, because nothing mirrors the writes of a running guest; such a move takes a stop, which the policy must allow.
 */

import type { HostModel, VmModel } from '../drive/model';
import { list } from './words';

/** Why the VM may not run on the host whatever room it has, in words; undefined when it may. */
export function hostObstacle(vm: VmModel, host: HostModel): string | undefined {
  const { on } = vm.placement;
  return on === undefined || on.includes(host.name) ? undefined : `it may run on ${list(on, 'or')} only`;
}

/** Why the VM can't migrate live from one host to the other, in words; undefined when it can. Without hosts: whether it ever can. */
export function liveObstacle(vm: VmModel, _from?: HostModel, _to?: HostModel): string | undefined {
  const local = vm.disks.find((disk) => disk.storage === undefined);
  if (!vm.placement.migratable) return 'its spec says migratable: false';
  // Debian's Xen is built without shadow paging: "Failed to enable logdirty".
  if (vm.boot.type === 'pv') return 'PV guests do not migrate live on this Xen';
  if (local !== undefined) return `its disk ${local.name} lies on an array, which only one host reaches`;
  return undefined;
}

/** Bytes that count for a running VM on its way to another host: its memory, also when it is stopped, so that no stop is cheaper than a migration. */
export function migrationBytes(vm: VmModel): number {
  return vm.memoryBytes;
}
