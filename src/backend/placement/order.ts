/** Fixed orders and a seeded generator: the same problem is always worked through the same way. */

import { at } from './packing';
import { FULL_LOAD, type Problem } from './problem';

/** VMs of higher priority first, then the bulkier, then by number. */
export function placingOrder(problem: Problem): number[] {
  const size = vmSizes(problem);
  return Array.from({ length: problem.vmCount }, (_, vm) => vm).sort(
    (a, b) => at(problem.vmLevel, a) - at(problem.vmLevel, b) || at(size, b) - at(size, a) || a - b,
  );
}

/** How bulky each VM is: its largest share of what the average available host offers, in ten-thousandths. */
export function vmSizes(problem: Problem): Float64Array {
  const { hostRows, volumeRows } = problem;
  const hostTotal = rowTotals(problem.hostCapacity, hostRows, problem.hostCount, (host) => at(problem.hostAvailable, host) === 1);
  const volumeTotal = rowTotals(problem.volumeCapacity, volumeRows, problem.volumeCount, (volume) => at(problem.volumeHost, volume) >= 0);
  const hosts = Math.max(1, problem.hostAvailable.reduce((sum, available) => sum + available, 0));
  const share = (load: number, total: number) => (load > 0 && Number.isFinite(total) ? Math.ceil((load * hosts * FULL_LOAD) / Math.max(1, total)) : 0);
  const sizes = new Float64Array(problem.vmCount);
  for (let vm = 0; vm < problem.vmCount; vm++) {
    let size = 0;
    for (let row = 0; row < hostRows; row++) size = Math.max(size, share(at(problem.vmLoad, vm * hostRows + row), at(hostTotal, row)));
    for (const disk of at(problem.vmDisks, vm)) {
      if (at(problem.diskVolume, disk) >= 0) continue;
      for (let row = 0; row < volumeRows; row++) size = Math.max(size, share(at(problem.diskLoad, disk * volumeRows + row), at(volumeTotal, row)));
    }
    sizes[vm] = size;
  }
  return sizes;
}

function rowTotals(capacity: Float64Array, rows: number, count: number, counts: (index: number) => boolean): Float64Array {
  const totals = new Float64Array(rows);
  for (let index = 0; index < count; index++) {
    if (!counts(index)) continue;
    for (let row = 0; row < rows; row++) totals[row] = at(totals, row) + Math.max(0, at(capacity, index * rows + row));
  }
  return totals;
}

/** The VMs that move as one: those of its group, or the VM alone. In placing order. */
export function unitsOf(problem: Problem, order: readonly number[]): number[][] {
  const groups = new Map<number, number[]>();
  const units = new Array<number[]>(problem.vmCount);
  for (const vm of order) {
    const group = at(problem.vmTogether, vm);
    const unit = group < 0 ? [] : (groups.get(group) ?? []);
    if (group >= 0) groups.set(group, unit);
    unit.push(vm);
    units[vm] = unit;
  }
  return units;
}

/** Whole numbers below a limit; xorshift32 (Marsaglia 2003), whole-number arithmetic only, so the same everywhere. */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
