/** Why a placed VM is where it is: what speaks against each other host, or what would be worse with it there. */

import type { PlanJson } from '../../protocol';
import { own } from './capacity';
import type { PlanInputs } from './inputs';
import { hostObstacle } from './moving';
import { byName } from './names';
import { planPlacement } from './plan';
import { bytes, percent } from './words';

/** One sentence a host, in the order of their names. The planner is asked once for each host that the VM's rules allow. */
export function whyHere(inputs: PlanInputs, plan: PlanJson, name: string): string[] {
  const vm = inputs.model.vms.find((one) => one.name === name);
  const here = own(plan.assignments, name);
  if (vm === undefined || here === undefined) return [];
  return byName(inputs.model.hosts).flatMap((host) => {
    if (host.name === here) return [];
    const obstacle = hostObstacle(vm, host);
    if (obstacle !== undefined) return [`${host.name}: ${obstacle}`];
    const vms = inputs.model.vms.map((one) => (one === vm ? { ...vm, placement: { ...vm.placement, on: [host.name] } } : one));
    const there = planPlacement({ ...inputs.model, vms }, inputs.inventory, inputs.previous, inputs.moves);
    if (own(there.assignments, name) !== host.name) {
      if (own(there.assignments, name) !== undefined) return [`${host.name}: it runs on ${here}, and nothing may stop or move it`];
      const reasons = there.unplaced.find((left) => left.vm === name)?.reasons ?? [];
      return [reasons.find((reason) => reason.startsWith(`${host.name}: `)) ?? `${host.name}: ${reasons[0] ?? 'it finds no room'}`];
    }
    return [`${host.name}: ${difference(plan, there, inputs.model.cluster.placement.goal)}`];
  });
}

/** At the first level where they differ. */
function difference(here: PlanJson, there: PlanJson, goal: 'balance' | 'consolidate'): string {
  const lost = there.unplaced.filter(({ vm }) => own(here.assignments, vm) !== undefined).map(({ vm }) => vm);
  const [a, b] = [here.objective, there.objective];
  if (lost.length > 0 && there.unplaced.length >= here.unplaced.length) return `${lost.join(', ')} would be left out`;
  if (b.surviveShortfall !== a.surviveShortfall) return `after failures ${b.surviveShortfall} VMs would find no room instead of ${a.surviveShortfall}`;
  if (b.bytesMoved !== a.bytesMoved) return `${bytes(b.bytesMoved)} would be moved instead of ${bytes(a.bytesMoved)}`;
  if (goal === 'balance' && b.maxLoad !== a.maxLoad) return `the largest load would be ${percent(b.maxLoad)} instead of ${percent(a.maxLoad)}`;
  const step = goal === 'balance' ? b.loads.findIndex((load, index) => load !== a.loads[index]) : -1;
  if (step >= 0) return `of the hosts' loads, largest first, number ${step + 1} would be ${percent(b.loads[step] ?? 0)} instead of ${percent(a.loads[step] ?? 0)}`;
  if (goal === 'consolidate' && b.hostsUsed !== a.hostsUsed) return `${b.hostsUsed} hosts would be in use instead of ${a.hostsUsed}`;
  if (b.moves !== a.moves) return `${b.moves} VMs would not be where they were last time instead of ${a.moves}`;
  return 'just as good; the fixed order decides';
}
