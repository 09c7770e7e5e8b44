/** VMs that nothing tells apart, gathered: the program then counts them instead of naming them, which is its largest gain. */

import { at, Packing } from '../packing';
import type { Problem } from '../problem';

/** VMs in one class have the same loads, level, hosts, disks and history, and no relations to others. */
export interface VmClass {
  /** Ascending. */
  readonly vms: readonly number[];
  /** Hosts where one of them fits beside what is fixed, ascending. */
  readonly hosts: readonly number[];
  readonly level: number;
  /** The disks of its first VM; those of the others correspond in order. */
  readonly disks: readonly number[];
}

/** What is fixed belongs to no class, and neither does what fits nowhere. */
export function vmClasses(problem: Problem): VmClass[] {
  const empty = new Packing(problem, 'lifted');
  const members = new Map<string, number[]>();
  for (let vm = 0; vm < problem.vmCount; vm++) {
    if (empty.isFixed(vm)) continue;
    const key = likeness(problem, vm);
    const list = members.get(key);
    if (list === undefined) members.set(key, [vm]);
    else list.push(vm);
  }
  return [...members.values()].flatMap((vms) => {
    const first = at(vms, 0);
    const hosts = Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => empty.fits(first, host));
    return hosts.length === 0 ? [] : [{ vms, hosts, level: at(problem.vmLevel, first), disks: Array.from(at(problem.vmDisks, first)) }];
  });
}

function likeness(problem: Problem, vm: number): string {
  if (at(problem.vmApart, vm).length > 0 || at(problem.vmTogether, vm) >= 0) return `alone ${vm}`;
  const rows = (values: Float64Array, index: number, count: number) => Array.from(values.subarray(index * count, (index + 1) * count));
  const disks = Array.from(at(problem.vmDisks, vm), (disk) => [at(problem.diskVolume, disk), at(problem.diskHome, disk), ...rows(problem.diskLoad, disk, problem.volumeRows)]);
  return JSON.stringify([at(problem.vmLevel, vm), at(problem.vmPreviousHost, vm), at(problem.vmRunningHost, vm), at(problem.vmMoveBytes, vm), rows(problem.vmLoad, vm, problem.hostRows), Array.from(at(problem.vmAllowed, vm)).join(''), disks]);
}

/** Whether nothing tells two hosts apart: what they offer, what is fixed there, which classes may run there, and that nothing has been there before. */
export function hostsAlike({ problem, hostUsed, volumeUsed }: Packing, classes: readonly VmClass[], a: number, b: number): boolean {
  const same = (values: Float64Array, rows: number, x: number, y: number) => Array.from({ length: rows }, (_, row) => row).every((row) => at(values, x * rows + row) === at(values, y * rows + row));
  const [volumesA, volumesB] = [at(problem.hostVolumes, a), at(problem.hostVolumes, b)];
  if (volumesA.length !== volumesB.length || !same(problem.hostCapacity, problem.hostRows, a, b) || !same(hostUsed, problem.hostRows, a, b)) return false;
  for (let i = 0; i < volumesA.length; i++) {
    const [x, y] = [at(volumesA, i), at(volumesB, i)];
    if (at(problem.volumeUsable, x) !== at(problem.volumeUsable, y) || !same(problem.volumeCapacity, problem.volumeRows, x, y) || !same(volumeUsed, problem.volumeRows, x, y)) return false;
    if (problem.diskHome.some((home) => home === x || home === y)) return false;
  }
  const known = (host: number) => host === a || host === b;
  if (problem.vmPreviousHost.some(known) || problem.vmRunningHost.some(known) || problem.vmFixedHost.some(known)) return false;
  return classes.every(({ hosts }) => hosts.includes(a) === hosts.includes(b));
}
