/** VMs that go before the one left out, gathered where nothing tells them apart: a continuous program may count them. */

import { at } from '../packing';
import type { Problem } from '../problem';

export interface RivalClass {
  /** Ascending. */
  readonly vms: readonly number[];
  /** By host: 1 where they may run; where they are fixed, only that one. */
  readonly hosts: Uint8Array;
  readonly isFixed: boolean;
  /** The disks of its first VM that count; those of the others correspond in order. */
  readonly disks: readonly number[];
}

/** By VM: what tells it from others, in some writing. The same for all questions of a plan. */
export function vmKinds(problem: Problem): string[] {
  const masks = new Map<Uint8Array, string>();
  return Array.from({ length: problem.vmCount }, (_, vm) => likeness(problem, vm, masks));
}

export function rivalClasses(problem: Problem, kinds: readonly string[], others: readonly number[]): RivalClass[] {
  const classes = new Map<string, number[]>();
  for (const vm of [...others].sort((a, b) => a - b)) {
    const list = classes.get(at(kinds, vm));
    if (list === undefined) classes.set(at(kinds, vm), [vm]);
    else list.push(vm);
  }
  return [...classes.values()].map((vms) => {
    const first = at(vms, 0);
    const fixed = at(problem.vmFixedHost, first);
    return {
      vms,
      hosts: fixed < 0 ? at(problem.vmAllowed, first) : Uint8Array.from({ length: problem.hostCount }, (_, host) => Number(host === fixed)),
      isFixed: fixed >= 0,
      disks: Array.from(at(problem.vmDisks, first)).filter((disk) => at(problem.diskIgnored, disk) === 0),
    };
  });
}

function likeness(problem: Problem, vm: number, masks: Map<Uint8Array, string>): string {
  if (at(problem.vmApart, vm).length > 0 || at(problem.vmTogether, vm) >= 0) return `alone ${vm}`;
  const mask = at(problem.vmAllowed, vm);
  if (!masks.has(mask)) masks.set(mask, mask.join(''));
  const rows = (values: Float64Array, index: number, count: number) => Array.from(values.subarray(index * count, (index + 1) * count));
  const disks = Array.from(at(problem.vmDisks, vm), (disk) => [at(problem.diskVolume, disk), at(problem.diskHome, disk), at(problem.diskIgnored, disk), at(problem.diskMoveBytes, disk), ...rows(problem.diskLoad, disk, problem.volumeRows)]);
  return JSON.stringify([at(problem.vmFixedHost, vm), at(problem.vmRunningHost, vm), rows(problem.vmLoad, vm, problem.hostRows), masks.get(mask), disks]);
}
