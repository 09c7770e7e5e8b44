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
  return on === undefined || on.includes(host.name) ? natureObstacle(vm, host) : `it may run on ${list(on, 'or')} only`;
}

/** The same, `on` left aside: the architecture and the CPU's features. */
export function natureObstacle(vm: VmModel, host: HostModel): string | undefined {
  const [needs, has] = [architectureOf(vm), architectureOf(host)];
  if (needs !== has) return `it is made for ${needs}, and this host is ${has}`;
  const missing = (vm.cpuFeatures ?? []).filter((feature) => host.cpuFeatures?.includes(feature) !== true);
  if (missing.length === 0) return undefined;
  return host.cpuFeatures === undefined ? `it needs ${featuresInWords(missing)}, and this host's spec lists none` : `it needs ${featuresInWords(missing)}, which this host doesn't have`;
}

/** Why the VM can't migrate live from one host to the other, in words; undefined when it can. */
export function liveObstacle(vm: VmModel, from: HostModel | undefined, to: HostModel | undefined): string | undefined {
  const local = vm.disks.find((disk) => disk.storage === undefined);
  if (!vm.placement.migratable) return 'its spec says migratable: false';
  // Debian's Xen is built without shadow paging: "Failed to enable logdirty".
  if (vm.boot.type === 'pv') return "PV guests don't migrate live on this Xen";
  if (Object.keys(vm.devices ?? {}).length > 0) return `it holds devices of its host (${list(Object.keys(vm.devices ?? {}))})`;
  if (local !== undefined) return `its disk ${local.name} lies on an array, which only one host reaches`;
  // xl says nothing of a feature that the target lacks, and the guest is dead.
  const lacking = to?.cpuFeatures === undefined ? [] : (from?.cpuFeatures ?? []).filter((feature) => to.cpuFeatures?.includes(feature) !== true);
  return lacking.length === 0 ? undefined : `${to?.name ?? ''} lacks ${featuresInWords(lacking)} of ${from?.name ?? ''}`;
}

function architectureOf({ architecture = 'x86_64' }: Pick<HostModel, 'architecture'>): string {
  return architecture;
}

function featuresInWords(features: readonly string[]): string {
  return `the CPU ${features.length === 1 ? 'feature' : 'features'} ${list(features)}`;
}

/** Bytes that count for a running VM on its way to another host: its memory, also when it is stopped, so that no stop is cheaper than a migration. */
export function migrationBytes(vm: VmModel): number {
  return vm.memoryBytes;
}
