/** What is taken of every resource while a plan's steps are carried out: for finding an order in which each step finds room. */

import type { DiskPlace, PlanStep } from '../../protocol';
import type { PoolModel, VmModel } from '../drive/model';
import { arrayCapacity, deviceCount, deviceKinds, diskKey, hostCapacity, own, vmMemoryNeed, vmMilliCpus } from './capacity';
import type { PlanInputs } from './inputs';
import { placeLabel } from './names';

/** Amounts by row; a row is named after the resource and its place, as in `memory node1`. */
export type Amounts = ReadonlyMap<string, number>;

/** A step takes before it begins and gives back when it has ended. */
export interface Effect {
  readonly step: PlanStep;
  readonly takes: Amounts;
  readonly releases: Amounts;
}

export class Ledger {
  readonly running = new Map<string, string>();
  readonly disks = new Map<string, DiskPlace>();
  private readonly capacity = new Map<string, number>();
  private readonly used = new Map<string, number>();
  private readonly vms: ReadonlyMap<string, VmModel>;
  private readonly apart = new Map<string, Set<string>>();

  constructor({ model, inventory, previous }: PlanInputs) {
    this.vms = new Map(model.vms.map((vm) => [vm.name, vm]));
    this.measure(model, inventory);
    for (const vm of model.vms) {
      for (const other of vm.placement.apart) if (other !== vm.name) this.keepApart(vm.name, other);
      for (const disk of vm.disks) {
        const key = diskKey(vm.name, disk.name);
        const place = own(inventory.disks, key) ?? own(previous.disks, key);
        if (place === undefined) continue;
        this.disks.set(key, place);
        this.add(new Map([[`space ${placeLabel(place)}`, disk.sizeBytes]]), 1);
      }
      const host = own(inventory.running, vm.name);
      if (host === undefined) continue;
      this.running.set(vm.name, host);
      this.add(this.working(vm, host), 1);
    }
  }

  /** What a row offers beside what is taken now. */
  free(row: string): number {
    return (this.capacity.get(row) ?? 0) - (this.used.get(row) ?? 0);
  }

  /** Whether the step finds all it takes, and no VM it must be apart from. */
  isFeasible(step: PlanStep): boolean {
    for (const [row, amount] of this.effectOf(step).takes) if (amount > 0 && amount > this.free(row)) return false;
    const arrival = step.kind === 'start' ? step.host : step.kind === 'migrate' ? step.to : undefined;
    return arrival === undefined || ![...(this.apart.get(step.vm) ?? [])].some((other) => this.running.get(other) === arrival);
  }

  play(step: PlanStep): Effect {
    const effect = this.effectOf(step);
    this.add(effect.takes, 1);
    this.add(effect.releases, -1);
    if (step.kind === 'create-disk' || step.kind === 'move-disk') this.disks.set(diskKey(step.vm, step.disk), step.to);
    else if (step.kind === 'stop') this.running.delete(step.vm);
    else this.running.set(step.vm, step.kind === 'start' ? step.host : step.to);
    return effect;
  }

  /** Undoes the last step played. */
  takeBack({ step, takes, releases }: Effect): void {
    this.add(takes, -1);
    this.add(releases, 1);
    if (step.kind === 'create-disk') this.disks.delete(diskKey(step.vm, step.disk));
    else if (step.kind === 'move-disk') this.disks.set(diskKey(step.vm, step.disk), step.from);
    else if (step.kind === 'start') this.running.delete(step.vm);
    else this.running.set(step.vm, step.kind === 'stop' ? step.host : step.from);
  }

  isApart(vm: string, other: string): boolean {
    return this.apart.get(vm)?.has(other) ?? false;
  }

  private effectOf(step: PlanStep): Effect {
    const vm = this.vms.get(step.vm);
    if (vm === undefined) return { step, takes: NOTHING, releases: NOTHING };
    switch (step.kind) {
      case 'create-disk':
        return { step, takes: new Map([[`space ${placeLabel(step.to)}`, step.bytes]]), releases: NOTHING };
      case 'move-disk':
        return { step, takes: new Map([[`space ${placeLabel(step.to)}`, step.bytes]]), releases: new Map([[`space ${placeLabel(step.from)}`, step.bytes]]) };
      case 'migrate':
        return { step, takes: hostRows(vm, step.to), releases: hostRows(vm, step.from) };
      case 'start':
        return { step, takes: this.working(vm, step.host), releases: NOTHING };
      case 'stop':
        return { step, takes: NOTHING, releases: this.working(vm, step.host) };
    }
  }

  /** What a running VM takes beside the space of its disks. */
  private working(vm: VmModel, host: string): Amounts {
    const rows = new Map(hostRows(vm, host));
    for (const disk of vm.disks) {
      const place = this.disks.get(diskKey(vm.name, disk.name));
      if (place === undefined) continue;
      for (const [kind, amount] of [['bandwidth', disk.bandwidthBps], ['iops', disk.iops ?? 0]] as const) {
        const row = `${kind} ${placeLabel(place)}`;
        rows.set(row, (rows.get(row) ?? 0) + amount);
      }
    }
    return rows;
  }

  private measure(model: PoolModel, inventory: PlanInputs['inventory']): void {
    for (const host of model.hosts) {
      const offer = hostCapacity(host, inventory, model.cluster.placement);
      this.capacity.set(`cpu ${host.name}`, offer.milliCpus).set(`memory ${host.name}`, offer.memoryBytes);
      for (const kind of deviceKinds([host])) this.capacity.set(`device ${kind} ${host.name}`, deviceCount(host, kind));
      for (const array of host.arrays) {
        const { usable, capacityBytes, bandwidthBps, iops } = arrayCapacity(host, array, inventory);
        const label = placeLabel({ host: host.name, array: array.name });
        if (usable && offer.available) this.capacity.set(`space ${label}`, capacityBytes).set(`bandwidth ${label}`, bandwidthBps).set(`iops ${label}`, iops);
      }
    }
    for (const { name, capacityBytes, bandwidthBps } of model.cluster.storage) this.capacity.set(`space ${name}`, capacityBytes).set(`bandwidth ${name}`, bandwidthBps).set(`iops ${name}`, Infinity);
  }

  private keepApart(vm: string, other: string): void {
    for (const [a, b] of [[vm, other], [other, vm]] as const) this.apart.set(a, (this.apart.get(a) ?? new Set()).add(b));
  }

  private add(amounts: Amounts, sign: 1 | -1): void {
    for (const [row, amount] of amounts) this.used.set(row, (this.used.get(row) ?? 0) + sign * amount);
  }
}

function hostRows(vm: VmModel, host: string): Amounts {
  return new Map([
    [`cpu ${host}`, vmMilliCpus(vm)],
    [`memory ${host}`, vmMemoryNeed(vm)],
    ...deviceKinds([vm]).map((kind): [string, number] => [`device ${kind} ${host}`, deviceCount(vm, kind)]),
  ]);
}

const NOTHING: Amounts = new Map();
