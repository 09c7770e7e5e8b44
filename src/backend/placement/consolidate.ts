/** Empties hosts, the least used first, as long as all of their VMs find room on other hosts in use. */

import { bestHost } from './greedy';
import { at, type Packing } from './packing';
import { Trial } from './trial';

export interface ConsolidateOptions {
  readonly order: readonly number[];
  readonly units: readonly (readonly number[])[];
  /** Says whether the changed packing may stay. */
  readonly allows: () => boolean;
}

export function consolidate(packing: Packing, options: ConsolidateOptions): void {
  const hosts = Array.from({ length: packing.problem.hostCount }, (_, host) => host).filter((host) => at(packing.hostVms, host).length > 0);
  const load = new Map(hosts.map((host) => [host, packing.maxLoadOfHost(host)]));
  hosts.sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || a - b);
  for (const host of hosts) {
    const trial = new Trial(packing);
    if (!emptyHost(packing, trial, host, options) || !options.allows()) trial.rollBack();
  }
}

function emptyHost(packing: Packing, trial: Trial, host: number, options: ConsolidateOptions): boolean {
  const vms = options.order.filter((vm) => at(packing.vmHost, vm) === host);
  if (vms.length === 0 || vms.some((vm) => packing.isFixed(vm))) return false;
  for (const vm of vms) trial.remove(vm);
  return vms.every((vm) => {
    const target = bestHost(packing, vm, at(options.units, vm), 'tight', unused(packing, host));
    return target >= 0 && trial.tryAdd(vm, target);
  });
}

/** The host to empty, and those that already are. */
function unused(packing: Packing, host: number): Set<number> {
  const hosts = new Set([host]);
  packing.hostVms.forEach((vms, index) => {
    if (vms.length === 0) hosts.add(index);
  });
  return hosts;
}
