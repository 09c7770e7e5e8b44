/**
 * Empties hosts, the least used first, as long as all of their VMs find room on other hosts in use: first by moving them one by one, then by a search that
 * makes room.
 */

import { Ensemble, hopelessVms } from './bounds';
import { bestHost } from './greedy';
import { outByLevel } from './objective';
import { seededNumbers } from './order';
import { at, type Packing } from './packing';
import { emptyBySearch } from './search/emptying';
import { Trial } from './trial';

export interface ConsolidateOptions {
  readonly order: readonly number[];
  readonly units: readonly (readonly number[])[];
  /** Says whether the changed packing may stay. */
  readonly allows: () => boolean;
  /** Steps of the search for each host. */
  readonly steps?: number;
}

export function consolidate(packing: Packing, options: ConsolidateOptions): void {
  emptyOneByOne(packing, options);
  const { problem } = packing;
  const least = new Ensemble(problem, hopelessVms(problem), outByLevel(problem, packing.solution())).fewestHosts();
  const random = seededNumbers(problem.vmCount);
  for (let hosts = hostsInUse(packing); hosts.length > least; hosts = hostsInUse(packing)) {
    const before = packing.solution();
    const host = hosts.find((candidate) => !at(packing.hostVms, candidate).some((vm) => packing.isFixed(vm)));
    if (host === undefined || !emptyBySearch(packing, { host, steps: options.steps ?? QUICK_STEPS, random })) return;
    if (options.allows()) continue;
    packing.load(before);
    return;
  }
}

/** A few milliseconds. */
const QUICK_STEPS = 20_000;

function emptyOneByOne(packing: Packing, options: ConsolidateOptions): void {
  for (const host of hostsInUse(packing)) {
    const trial = new Trial(packing);
    if (!emptyHost(packing, trial, host, options) || !options.allows()) trial.rollBack();
  }
}

/** The least loaded first. */
function hostsInUse(packing: Packing): number[] {
  const hosts = Array.from({ length: packing.problem.hostCount }, (_, host) => host).filter((host) => at(packing.hostVms, host).length > 0);
  const load = new Map(hosts.map((host) => [host, packing.maxLoadOfHost(host)]));
  return hosts.sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || a - b);
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
