/** Why a placed VM is where it is: what speaks against each other host, or what would be worse with it there. */

import type { FailureShortfall, PlanJson } from '../../protocol';
import type { HostModel, VmModel } from '../drive/model';
import { own } from './capacity';
import { NO_MOVES, type PlanInputs } from './inputs';
import { hostObstacle, liveObstacle, migrationBytes } from './moving';
import { byName } from './names';
import { planPlacement } from './plan';
import { bytes, count, list, percent, someOf } from './words';

/**
 * One sentence for each other host, in the order of their names, or that there is none. The planner is asked once for each host that the VM's rules allow. Of a VM that runs it is asked as if
 * the VM were just arriving there, with the bytes of its memory counted on top.
 */
export function whyHere(inputs: PlanInputs, plan: PlanJson, name: string): string[] {
  const vm = inputs.model.vms.find((one) => one.name === name);
  const here = own(plan.assignments, name);
  if (vm === undefined || here === undefined) return [];
  if (inputs.model.hosts.length === 1) return ['there is no other host'];
  const now = own(inputs.inventory.running, name);
  return byName(inputs.model.hosts).flatMap((host) => {
    if (host.name === here) return [];
    const obstacle = hostObstacle(vm, host) ?? moveObstacle(inputs, vm, now, host);
    if (obstacle !== undefined) return [`${host.name}: ${obstacle}`];
    const vms = inputs.model.vms.map((one) => (one === vm ? { ...vm, start: { ...vm.start, auto: true } } : one));
    const running = Object.fromEntries(Object.entries(inputs.inventory.running).filter(([other]) => other !== name));
    const arrived = planPlacement({ ...inputs.model, vms }, { ...inputs.inventory, running }, inputs.previous, { ...(inputs.moves ?? NO_MOVES), held: new Map([[name, host.name]]) });
    const carried = now === undefined || now === host.name ? 0 : migrationBytes(vm);
    const there = { ...arrived, objective: { ...arrived.objective, bytesMoved: arrived.objective.bytesMoved + carried } };
    if (own(there.assignments, name) !== host.name) {
      const reasons = there.unplaced.find((left) => left.vm === name)?.reasons ?? [];
      return [reasons.find((reason) => reason.startsWith(`${host.name}: `)) ?? `${host.name}: ${reasons[0] ?? 'it finds no room'}`];
    }
    return [`${host.name}: ${difference(plan, there, inputs.model.cluster.placement.goal)}`];
  });
}

/** Why a VM that runs can't be brought to the host, whatever room it has. */
function moveObstacle({ model, moves = NO_MOVES }: PlanInputs, vm: VmModel, now: string | undefined, host: HostModel): string | undefined {
  if (now === undefined || now === host.name) return undefined;
  if (moves.maxMoves === 0) return `it runs on ${now}, and nothing may move`;
  const obstacle = liveObstacle(vm, model.hosts.find(({ name }) => name === now), host);
  return obstacle === undefined || moves.stops === 'allowed' ? undefined : `it runs on ${now} and would have to be stopped: ${obstacle}`;
}

/** At the first level where they differ. */
function difference(here: PlanJson, there: PlanJson, goal: 'balance' | 'consolidate'): string {
  const [a, b] = [here.objective, there.objective];
  const lost = there.unplaced.filter(({ vm }) => own(here.assignments, vm) !== undefined).map(({ vm }) => vm);
  if (lost.length > 0 && there.unplaced.length >= here.unplaced.length) return `${someOf(lost)} would be left out`;
  const isEven = goal === 'balance';
  const rank = isEven ? b.loads.findIndex((load, index) => load !== a.loads[index]) : -1;
  const levels: readonly (readonly [here: number, there: number, words: string])[] = [
    [a.unplacedPriority, b.unplacedPriority, `${count(b.unplaced, 'VM')} would be left out instead of ${a.unplaced}`],
    [a.surviveShortfall, b.surviveShortfall, `after failures ${count(b.surviveShortfall, 'VM')} would find no room instead of ${a.surviveShortfall}${newlyLost(here.failures, there.failures)}`],
    [a.bytesMoved, b.bytesMoved, `${bytes(b.bytesMoved)} would be moved instead of ${bytes(a.bytesMoved)}`],
    [a.loads[rank] ?? 0, b.loads[rank] ?? 0, `${rank === 0 ? 'the largest load' : `of the hosts' loads, largest first, number ${rank + 1}`} would be ${percent(b.loads[rank] ?? 0)} instead of ${percent(a.loads[rank] ?? 0)}`],
    [isEven ? 0 : a.hostsUsed, isEven ? 0 : b.hostsUsed, `${count(b.hostsUsed, 'host')} would be in use instead of ${a.hostsUsed}`],
    [a.moves, b.moves, `${count(b.moves, 'VM')} would not be where they were last time instead of ${a.moves}`],
  ];
  const first = levels.find(([now, then]) => now !== then);
  if (first === undefined) return 'just as good; the fixed order decides';
  const [now, then, words] = first;
  return then < now ? `better, which the quick search has missed: ${words}` : words;
}

/** `: web1 and web2 if node1 fails`; empty when nobody is lost who wasn't before. */
function newlyLost(before: readonly FailureShortfall[], after: readonly FailureShortfall[]): string {
  const found = after.flatMap(({ hosts, vms }) => {
    const known = before.find((failure) => failure.hosts.join() === hosts.join())?.vms ?? [];
    const lost = vms.filter((vm) => !known.includes(vm));
    return lost.length === 0 ? [] : [`${someOf(lost)} if ${list(hosts)} ${hosts.length === 1 ? 'fails' : 'fail'}`];
  });
  const more = found.length - MOST_FAILURES;
  return found.length === 0 ? '' : `: ${found.slice(0, MOST_FAILURES).join('; ')}${more > 0 ? `; and after ${count(more, 'other failure')}` : ''}`;
}

/** Enough to see the point. */
const MOST_FAILURES = 3;
