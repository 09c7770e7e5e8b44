/**
 * The actions that lead from what is to the plan: first the moves, in an order in which each finds room, then the disks that are made and the VMs that
 * start. Starts follow `start.after`, then priority, then name; the disks a VM lacks are made right before it starts.
 */

import type { DiskPlace, PlanAction, PlanStep } from '../../protocol';
import type { VmModel } from '../drive/model';
import { diskKey, own } from './capacity';
import { dependencies } from './dependencies';
import { secondsEstimator } from './durations';
import type { PlanInputs } from './inputs';
import { Ledger, type Effect } from './ledger';
import { byName, placeLabel } from './names';
import { sequenceMoves, type Journey } from './sequence';

export interface Target {
  readonly assignments: Readonly<Record<string, string>>;
  readonly disks: Readonly<Record<string, DiskPlace>>;
}

export interface ActionList {
  readonly actions: readonly PlanAction[];
  /** VMs for whose moves no feasible order was found; the list then doesn't lead to the target. */
  readonly stuck: readonly string[];
}

export function planActions(inputs: PlanInputs, target: Target): ActionList {
  const journeys = journeysTo(inputs, target);
  const arrivals = inStartOrder(newcomers(inputs, target)).flatMap((vm) => arrival(vm, inputs, target));
  // Newcomers only take: without moves every state on the way fits because the last one does.
  if (journeys.length === 0) return { actions: timed(arrivals.map((step) => ({ step, takes: NOTHING, releases: NOTHING })), BOUNDLESS, inputs), stuck: [] };
  const ledger = new Ledger(inputs);
  const { effects, stuck } = sequenceMoves(journeys, ledger, inputs);
  return { actions: timed([...effects, ...arrivals.map((step) => ledger.play(step))], new Ledger(inputs), inputs), stuck };
}

const NOTHING: Effect['takes'] = new Map();
const BOUNDLESS: Pick<Ledger, 'free' | 'isApart'> = { free: () => Infinity, isApart: () => false };

function timed(effects: readonly Effect[], start: Pick<Ledger, 'free' | 'isApart'>, { model, inventory }: PlanInputs): PlanAction[] {
  const after = dependencies(effects, start, model);
  const estimate = secondsEstimator(model, inventory);
  return effects.map(({ step }, index) => ({ ...step, seconds: estimate(step), after: after[index] ?? [] }));
}

/** VMs that run elsewhere in the end, or whose disks that exist lie elsewhere. */
function journeysTo({ model, inventory, previous }: PlanInputs, target: Target): Journey[] {
  return byName(model.vms).flatMap((vm): Journey[] => {
    const host = own(target.assignments, vm.name);
    if (host === undefined) return [];
    const now = own(inventory.running, vm.name);
    const disks = byName(vm.disks).flatMap((disk) => {
      const key = diskKey(vm.name, disk.name);
      const [from, to] = [own(inventory.disks, key) ?? own(previous.disks, key), own(target.disks, key)];
      return from === undefined || to === undefined || placeLabel(from) === placeLabel(to) ? [] : [{ disk, to }];
    });
    return disks.length === 0 && (now === undefined || now === host) ? [] : [{ vm, target: host, disks, runs: now !== undefined }];
  });
}

function newcomers({ model, inventory }: PlanInputs, target: Target): VmModel[] {
  return model.vms.filter((vm) => own(target.assignments, vm.name) !== undefined && own(inventory.running, vm.name) === undefined);
}

/** Makes the disks that were never made, and starts the VM. */
function arrival(vm: VmModel, { inventory, previous }: PlanInputs, target: Target): PlanStep[] {
  const missing = vm.disks.flatMap((disk): PlanStep[] => {
    const key = diskKey(vm.name, disk.name);
    const to = own(target.disks, key);
    if (to === undefined || own(inventory.disks, key) !== undefined || own(previous.disks, key) !== undefined) return [];
    return [{ kind: 'create-disk', vm: vm.name, disk: disk.name, to, bytes: disk.sizeBytes }];
  });
  return [...missing, { kind: 'start', vm: vm.name, host: own(target.assignments, vm.name) ?? '' }];
}

/**
 * Those that come after nobody first; of several, the higher priority, then the name. A circle, which validation reports, is
 * broken at its VM of highest priority.
 */
export function inStartOrder(vms: readonly VmModel[]): VmModel[] {
  const sorted = byName(vms).sort((a, b) => b.priority - a.priority);
  const rank = new Map(sorted.map((vm, index) => [vm.name, index]));
  const followers = sorted.map((): number[] => []);
  const awaited = sorted.map((vm, index) => {
    const before = [...new Set(vm.start.after)].flatMap((name) => rank.get(name) ?? []).filter((other) => other !== index);
    for (const other of before) followers[other]?.push(index);
    return before.length;
  });
  const waiting = new Set(sorted.keys());
  // Descending, so that the next one is at the end.
  const ready = sorted.flatMap((_, index) => (awaited[index] === 0 ? [index] : [])).reverse();
  const ordered: VmModel[] = [];
  while (waiting.size > 0) {
    const next = ready.pop() ?? Math.min(...waiting);
    const vm = sorted[next];
    if (vm === undefined || !waiting.delete(next)) continue;
    ordered.push(vm);
    for (const follower of followers[next] ?? []) {
      const left = (awaited[follower] ?? 0) - 1;
      awaited[follower] = left;
      if (left === 0) insertDescending(ready, follower);
    }
  }
  return ordered;
}

function insertDescending(values: number[], value: number): void {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) > value) low = middle + 1;
    else high = middle;
  }
  values.splice(low, 0, value);
}
