/**
 * A pool that carries out a plan's actions, each as soon as what it waits for has ended and in an order drawn at random, and that looks at every state on
 * the way. It shares nothing with the planner and its checker but the definitions of what hosts offer and VMs need.
 */

import type { DiskPlace, PlanAction } from '../../src/protocol';
import { arrayCapacity, hostCapacity, vmMemoryNeed } from '../../src/backend/placement/capacity';
import type { Situation } from './arbitrary';

/** What was wrong in any state; empty when nothing was. */
export function simulate({ model, inventory, previous }: Situation, actions: readonly PlanAction[], draw: (below: number) => number): string[] {
  const wrong = new Set<string>();
  const running = new Map(Object.entries(inventory.running));
  const disks: Record<string, DiskPlace> = { ...previous.disks, ...inventory.disks };
  const facts = excess({ model, inventory, previous }, disks, running, []);
  const ended = new Set<number>();
  const underWay = new Set<number>();
  const look = () => {
    const now = excess({ model, inventory, previous }, disks, running, [...underWay].map((index) => actions[index]!));
    // What was too much already is a fact; more of it is not.
    for (const [row, amount] of now) if (amount > (facts.get(row) ?? 0)) wrong.add(`${row} is overfull by ${amount}`);
    const places = whereabouts(running, [...underWay].map((index) => actions[index]!));
    for (const vm of model.vms) {
      for (const other of vm.placement.apart) {
        if (other !== vm.name && (places[vm.name] ?? []).some((host) => places[other]?.includes(host) && !(inventory.running[vm.name] === host && inventory.running[other] === host))) wrong.add(`${vm.name} meets ${other}`);
      }
    }
  };
  while (ended.size < actions.length) {
    const ready = actions.flatMap((action, index) => (!ended.has(index) && !underWay.has(index) && action.after.every((earlier) => ended.has(earlier)) ? [index] : []));
    const choices = ready.length + underWay.size;
    if (choices === 0) return ['the actions wait for each other'];
    const choice = draw(choices);
    const begins = ready[choice];
    if (begins !== undefined) underWay.add(begins);
    else {
      const index = [...underWay][choice - ready.length]!;
      const action = actions[index]!;
      if (action.kind === 'create-disk' || action.kind === 'move-disk') {
        if (running.has(action.vm)) wrong.add(`${action.vm}/${action.disk} is written while its VM runs`);
        disks[`${action.vm}/${action.disk}`] = action.to;
      } else if (action.kind === 'stop') running.delete(action.vm);
      else running.set(action.vm, action.kind === 'start' ? action.host : action.to);
      underWay.delete(index);
      ended.add(index);
    }
    look();
  }
  return [...wrong];
}

/** The hosts a VM is on: two while it migrates. */
function whereabouts(running: ReadonlyMap<string, string>, underWay: readonly PlanAction[]): Record<string, string[]> {
  const places = Object.fromEntries([...running].map(([vm, host]): [string, string[]] => [vm, [host]]));
  for (const action of underWay) {
    if (action.kind === 'start') places[action.vm] = [action.host];
    if (action.kind === 'migrate') places[action.vm] = [action.from, action.to];
  }
  return places;
}

/** By how much each row is overfull. */
function excess({ model, inventory }: Situation, disks: Readonly<Record<string, DiskPlace>>, running: ReadonlyMap<string, string>, underWay: readonly PlanAction[]): Map<string, number> {
  const used = new Map<string, number>();
  const take = (row: string, amount: number) => used.set(row, (used.get(row) ?? 0) + amount);
  const places = whereabouts(running, underWay);
  for (const vm of model.vms) {
    for (const host of places[vm.name] ?? []) {
      take(`cpu ${host}`, vm.vcpus * 1000);
      take(`memory ${host}`, vmMemoryNeed(vm));
      for (const [kind, count] of Object.entries(vm.devices ?? {})) take(`${kind} ${host}`, count);
    }
    for (const disk of vm.disks) {
      const coming = underWay.flatMap((action) => ('disk' in action && action.vm === vm.name && action.disk === disk.name ? [action.to] : []));
      const lies = disks[`${vm.name}/${disk.name}`];
      for (const place of [...(lies === undefined ? [] : [lies]), ...coming]) take(`space ${label(place)}`, disk.sizeBytes);
      if (lies === undefined || places[vm.name] === undefined) continue;
      take(`bandwidth ${label(lies)}`, disk.bandwidthBps);
      take(`iops ${label(lies)}`, disk.iops ?? 0);
    }
  }
  const over = new Map<string, number>();
  const compare = (row: string, capacity: number) => over.set(row, Math.max(0, (used.get(row) ?? 0) - capacity));
  for (const host of model.hosts) {
    const offer = hostCapacity(host, inventory, model.cluster.placement);
    compare(`cpu ${host.name}`, offer.milliCpus);
    compare(`memory ${host.name}`, offer.memoryBytes);
    compare(`gpu ${host.name}`, host.devices?.['gpu'] ?? 0);
    for (const array of host.arrays) {
      const { capacityBytes, bandwidthBps, iops } = arrayCapacity(host, array, inventory);
      compare(`space ${host.name}/${array.name}`, capacityBytes);
      compare(`bandwidth ${host.name}/${array.name}`, bandwidthBps);
      compare(`iops ${host.name}/${array.name}`, iops);
    }
  }
  for (const { name, capacityBytes, bandwidthBps } of model.cluster.storage) {
    compare(`space ${name}`, capacityBytes);
    compare(`bandwidth ${name}`, bandwidthBps);
  }
  return over;
}

function label(place: DiskPlace): string {
  return 'host' in place ? `${place.host}/${place.array}` : place.storage;
}
