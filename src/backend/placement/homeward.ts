/** Sends VMs back to where they were last time, as far as no load gets worse for it: nothing moves unless something improves. */

import { compareLoads } from './balance';
import { at, type Packing } from './packing';
import { Trial } from './trial';

export function returnHome(packing: Packing, units: readonly (readonly number[])[], allows: () => boolean): void {
  const { problem } = packing;
  for (let vm = 0; vm < problem.vmCount; vm++) {
    const [from, home] = [at(packing.vmHost, vm), at(problem.vmPreviousHost, vm)];
    if (from < 0 || home < 0 || from === home || at(problem.hostAvailable, home) === 0 || at(packing.hostVms, home).length === 0) continue;
    const unit = at(units, vm).filter((member) => at(packing.vmHost, member) >= 0);
    if (unit.some((member) => packing.isFixed(member) || (at(problem.vmPreviousHost, member) >= 0 && at(problem.vmPreviousHost, member) !== home))) continue;
    const before = loadsOf(packing, from, home);
    const trial = new Trial(packing);
    for (const member of unit) trial.remove(member);
    const returned = unit.every((member) => trial.tryAdd(member, home));
    if (!returned || compareLoads(loadsOf(packing, from, home), before) > 0 || !allows()) trial.rollBack();
  }
}

function loadsOf(packing: Packing, a: number, b: number): number[] {
  const loads: number[] = [];
  packing.hostLoads(a, loads);
  packing.hostLoads(b, loads);
  return loads.sort((x, y) => y - x);
}
