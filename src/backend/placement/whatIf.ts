/** Questions about pools that aren't: each changes the planner's inputs, and the planner answers. */

import type { DiskPlace } from '../../protocol';
import type { HostModel, VmModel } from '../drive/model';
import type { PlanInputs } from './inputs';
import { planPlacement } from './plan';

/** The pool after this host is gone for good: what ran there is free to go elsewhere, what lay there is lost and made again. */
export function withoutHost({ model, inventory, previous, ...rest }: PlanInputs, host: string): PlanInputs {
  const isElsewhere = (place: DiskPlace) => !('host' in place) || place.host !== host;
  return {
    ...rest,
    lost: { ...rest.lost, ...kept({ ...previous.disks, ...inventory.disks }, (place) => !isElsewhere(place)) },
    model: { ...model, hosts: model.hosts.filter(({ name }) => name !== host) },
    inventory: { ...inventory, running: kept(inventory.running, (where) => where !== host), disks: kept(inventory.disks, isElsewhere) },
    previous: { assignments: kept(previous.assignments, (where) => where !== host), disks: kept(previous.disks, isElsewhere) },
  };
}

/** The pool with one host more. Hosts of the same name give way to it. */
export function withHost({ model, ...rest }: PlanInputs, host: HostModel): PlanInputs {
  return { ...rest, model: { ...model, hosts: [...model.hosts.filter(({ name }) => name !== host.name), host] } };
}

/** The pool with this VM `count` times more, as new VMs with disks of their own. An unknown name changes nothing. */
export function withCopies({ model, ...rest }: PlanInputs, vm: string, count: number, priority?: number): PlanInputs {
  const original = model.vms.find(({ name }) => name === vm);
  if (original === undefined) return { model, ...rest };
  return { ...rest, model: { ...model, vms: [...model.vms, ...copyNames(model.vms, vm, count).map((name) => copyOf(original, name, priority))] } };
}

/** Nobody asks for more. */
const MOST_COPIES = 4096;

/** How many more VMs of this kind the planner places without leaving out anybody who is placed now. */
export function howManyMore(inputs: PlanInputs, vm: string): number {
  // They come last, so that they take no other VM's place.
  const priority = Math.min(...inputs.model.vms.map((one) => one.priority)) - 1;
  const leftOutNow = planPlacement(inputs.model, inputs.inventory, inputs.previous, inputs.moves).unplaced.length;
  const fit = (count: number) => {
    const more = withCopies(inputs, vm, count, priority);
    return planPlacement(more.model, more.inventory, more.previous, more.moves).unplaced.length <= leftOutNow;
  };
  let [most, tooMany] = [0, 1];
  while (tooMany <= MOST_COPIES && fit(tooMany)) [most, tooMany] = [tooMany, tooMany * 2];
  while (tooMany - most > 1) {
    const middle = (most + tooMany) >> 1;
    if (middle <= MOST_COPIES && fit(middle)) most = middle;
    else tooMany = middle;
  }
  return most;
}

/** With a UUID and MACs of its own, derived from its name. */
function copyOf(original: VmModel, name: string, priority = original.priority): VmModel {
  const copy = { ...original, name, priority, nics: original.nics.map(({ bridge }) => ({ bridge })), start: { ...original.start, auto: true } };
  delete copy.uuid;
  return copy;
}

function copyNames(vms: readonly VmModel[], name: string, count: number): string[] {
  const taken = new Set(vms.map((vm) => vm.name));
  const names: string[] = [];
  for (let number = 2; names.length < count; number++) if (!taken.has(`${name}-${number}`)) names.push(`${name}-${number}`);
  return names;
}

function kept<T>(record: Readonly<Record<string, T>>, keep: (value: T) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => keep(value)));
}
