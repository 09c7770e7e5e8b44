/**
 * The independent checker: plays a plan's actions one after the other against the model and says everything that is wrong with
 * it. It shares no code with the solvers, only the definitions of what hosts offer and VMs need. No plan leaves the planner
 * unchecked.
 *
 * What is there at the start (running VMs, existing disks) is a fact and is never complained about; every action that takes
 * something must find it free at that moment.
 */

import type { DiskPlace, PlanAction, PlanJson } from '../../protocol';
import type { DiskModel, PoolModel, VmModel } from '../drive/model';
import { arrayCapacity, diskKey, hostCapacity, own, vmMemoryNeed, vmMilliCpus } from './capacity';
import type { Inventory, PreviousPlacement } from './inputs';

/** Sentences about violations; empty when the plan may be carried out. */
export function checkPlan(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, plan: PlanJson): string[] {
  const pool = new PoolAtWork(model, inventory, previous);
  for (const action of plan.actions) pool.act(action);
  pool.compare(plan);
  return pool.violations;
}

/** The same for a list of actions by itself. */
export function checkActions(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, actions: readonly PlanAction[]): string[] {
  const pool = new PoolAtWork(model, inventory, previous);
  for (const action of actions) pool.act(action);
  return pool.violations;
}

class PoolAtWork {
  readonly violations: string[] = [];
  private readonly vms: ReadonlyMap<string, VmModel>;
  private readonly running = new Map<string, string>();
  private readonly disks = new Map<string, DiskPlace>();
  private readonly capacity = new Map<string, number>();
  private readonly used = new Map<string, number>();
  private readonly unusable = new Map<string, string>();
  private readonly apart: ReadonlyMap<string, ReadonlySet<string>>;
  private readonly companions: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(
    private readonly model: PoolModel,
    private readonly inventory: Inventory,
    previous: PreviousPlacement,
  ) {
    this.vms = new Map(model.vms.map((vm) => [vm.name, vm]));
    this.apart = apartFrom(model);
    this.companions = companionsOf(model.vms.filter((vm) => vm.start.auto || own(inventory.running, vm.name) !== undefined));
    this.measureCapacity();
    for (const vm of model.vms) {
      for (const disk of vm.disks) {
        const key = diskKey(vm.name, disk.name);
        const place = own(inventory.disks, key) ?? own(previous.disks, key);
        if (place !== undefined) this.hold(key, place, disk);
      }
      const host = own(inventory.running, vm.name);
      if (host === undefined) continue;
      this.running.set(vm.name, host);
      for (const [row, amount] of this.workingRows(vm, host)) this.add(row, amount);
    }
  }

  act(action: PlanAction): void {
    const vm = this.vms.get(action.vm);
    if (vm === undefined) {
      this.blame(`${action.kind} names ${action.vm}, which is no VM of this drive`);
      return;
    }
    if (action.kind === 'create-disk') this.createDisk(vm, action);
    else if (action.kind === 'start') this.start(vm, action.host);
    else this.blame(`${action.kind} of ${vm.name}: what runs and what exists must stay where it is`);
  }

  compare(plan: PlanJson): void {
    const left = new Set(plan.unplaced.map((entry) => entry.vm));
    if (left.size !== plan.unplaced.length) this.blame('a VM is listed as left out twice');
    for (const vm of this.model.vms) {
      const host = own(plan.assignments, vm.name);
      const runs = this.running.get(vm.name);
      if (host !== undefined && runs !== host) this.blame(`${vm.name} is assigned to ${host}, but the actions leave it ${runs === undefined ? 'stopped' : `on ${runs}`}`);
      if (host === undefined && runs !== undefined && this.isUp(runs)) this.blame(`${vm.name} runs on ${runs} and is assigned to no host`);
      const wanted = vm.start.auto || own(this.inventory.running, vm.name) !== undefined;
      if (wanted && (host === undefined) !== left.has(vm.name)) this.blame(`${vm.name} must be either assigned or left out with reasons`);
      if (!wanted && (host !== undefined || left.has(vm.name))) this.blame(`${vm.name} isn't to be started, and yet the plan names it`);
    }
    for (const name of [...Object.keys(plan.assignments), ...left]) if (!this.vms.has(name)) this.blame(`${name} is no VM of this drive`);
    this.compareDisks(plan);
    const priority = plan.unplaced.reduce((sum, entry) => sum + (this.vms.get(entry.vm)?.priority ?? 0), 0);
    if (priority !== plan.objective.unplacedPriority) this.blame(`the priorities left out sum to ${priority}, not ${plan.objective.unplacedPriority}`);
  }

  private compareDisks(plan: PlanJson): void {
    const expected = new Map<string, DiskPlace>();
    for (const vm of this.model.vms) {
      if (own(plan.assignments, vm.name) === undefined) continue;
      for (const disk of vm.disks) {
        const key = diskKey(vm.name, disk.name);
        const place = this.disks.get(key);
        if (place !== undefined) expected.set(key, place);
      }
    }
    for (const [key, place] of expected) {
      const planned = own(plan.disks, key);
      if (planned === undefined || rowName(planned) !== rowName(place)) this.blame(`disk ${key} is planned elsewhere than on ${rowName(place)}, where the actions leave it`);
    }
    for (const key of Object.keys(plan.disks)) if (!expected.has(key)) this.blame(`disk ${key} is planned though nothing makes or needs it`);
  }

  private createDisk(vm: VmModel, action: Extract<PlanAction, { kind: 'create-disk' }>): void {
    const disk = vm.disks.find((candidate) => candidate.name === action.disk);
    const key = diskKey(vm.name, action.disk);
    if (disk === undefined) this.blame(`${key} is no disk of this drive`);
    else if (this.disks.has(key)) this.blame(`disk ${key} exists already`);
    else if (action.bytes !== disk.sizeBytes) this.blame(`disk ${key} has ${disk.sizeBytes} bytes, not ${action.bytes}`);
    else if (disk.storage !== undefined && !('storage' in action.to && action.to.storage === disk.storage)) this.blame(`disk ${key} belongs on storage ${disk.storage}`);
    else if (disk.storage === undefined && 'storage' in action.to) this.blame(`disk ${key} belongs on an array`);
    else {
      this.requireUsable(action.to, key);
      this.hold(key, action.to, disk);
      this.requireRoom(`space ${rowName(action.to)}`, disk.sizeBytes, key);
    }
  }

  private start(vm: VmModel, host: string): void {
    if (this.running.has(vm.name)) {
      this.blame(`${vm.name} runs already`);
      return;
    }
    if (!vm.start.auto) this.blame(`${vm.name} isn't to be started by itself`);
    if (!this.isUp(host)) this.blame(`${vm.name} is started on ${host}, which can't take VMs`);
    if (vm.placement.on !== undefined && !vm.placement.on.includes(host)) this.blame(`${vm.name} may not run on ${host}`);
    for (const other of this.apart.get(vm.name) ?? []) if (this.running.get(other) === host) this.blame(`${vm.name} must be apart from ${other}, which runs on ${host}`);
    for (const other of this.companions.get(vm.name) ?? []) {
      const elsewhere = this.running.get(other);
      if (elsewhere !== undefined && elsewhere !== host && this.isUp(elsewhere)) this.blame(`${vm.name} must be together with ${other}, which runs on ${elsewhere}`);
    }
    for (const disk of vm.disks) this.requireReach(vm, disk, host);
    this.running.set(vm.name, host);
    const rows = this.workingRows(vm, host);
    for (const [row, amount] of rows) this.add(row, amount);
    for (const [row, amount] of rows) this.requireRoom(row, amount, vm.name);
  }

  private requireReach(vm: VmModel, disk: DiskModel, host: string): void {
    const key = diskKey(vm.name, disk.name);
    const place = this.disks.get(key);
    if (place === undefined) this.blame(`${vm.name} is started without its disk ${disk.name}`);
    else {
      if ('host' in place && place.host !== host) this.blame(`${vm.name} is started on ${host}, but its disk ${disk.name} lies on ${place.host}`);
      this.requireUsable(place, key);
    }
  }

  private requireUsable(place: DiskPlace, key: string): void {
    const name = rowName(place);
    if (!this.capacity.has(`space ${name}`)) this.blame(`disk ${key} lies on ${name}, which the drive doesn't describe`);
    const cause = this.unusable.get(name);
    if (cause !== undefined) this.blame(`disk ${key} lies on ${name}: ${cause}`);
  }

  private measureCapacity(): void {
    for (const host of this.model.hosts) {
      const offer = hostCapacity(host, this.inventory, this.model.cluster.placement);
      if (!offer.available) this.unusable.set(host.name, offer.cause ?? 'unavailable');
      this.capacity.set(`cpu ${host.name}`, offer.milliCpus).set(`memory ${host.name}`, offer.memoryBytes);
      for (const array of host.arrays) {
        const name = rowName({ host: host.name, array: array.name });
        const volume = arrayCapacity(host, array, this.inventory);
        if (!offer.available || !volume.usable) this.unusable.set(name, volume.cause ?? offer.cause ?? 'unavailable');
        this.capacity.set(`space ${name}`, volume.capacityBytes).set(`bandwidth ${name}`, volume.bandwidthBps).set(`iops ${name}`, volume.iops);
      }
    }
    for (const storage of this.model.cluster.storage) {
      const name = rowName({ storage: storage.name });
      this.capacity.set(`space ${name}`, storage.capacityBytes).set(`bandwidth ${name}`, storage.bandwidthBps).set(`iops ${name}`, Infinity);
    }
  }

  private isUp(host: string): boolean {
    return this.capacity.has(`cpu ${host}`) && !this.unusable.has(host);
  }

  private hold(key: string, place: DiskPlace, disk: DiskModel): void {
    this.disks.set(key, place);
    this.add(`space ${rowName(place)}`, disk.sizeBytes);
  }

  /** What a running VM takes beside space. A disk that was never made takes nothing. */
  private workingRows(vm: VmModel, host: string): [row: string, amount: number][] {
    const rows: [string, number][] = [
      [`cpu ${host}`, vmMilliCpus(vm)],
      [`memory ${host}`, vmMemoryNeed(vm)],
    ];
    for (const disk of vm.disks) {
      const place = this.disks.get(diskKey(vm.name, disk.name));
      if (place !== undefined) rows.push([`bandwidth ${rowName(place)}`, disk.bandwidthBps], [`iops ${rowName(place)}`, disk.iops ?? 0]);
    }
    return rows;
  }

  private add(row: string, amount: number): void {
    this.used.set(row, (this.used.get(row) ?? 0) + amount);
  }

  private requireRoom(row: string, amount: number, what: string): void {
    const [used, capacity] = [this.used.get(row) ?? 0, this.capacity.get(row) ?? 0];
    if (amount > 0 && used > capacity) this.blame(`${what} overfills ${row}: ${used} of ${capacity}`);
  }

  private blame(violation: string): void {
    this.violations.push(violation);
  }
}

/** Both ways, whoever of the two says it. */
function apartFrom(model: PoolModel): Map<string, Set<string>> {
  const apart = new Map(model.vms.map((vm) => [vm.name, new Set<string>()]));
  for (const vm of model.vms) {
    for (const other of vm.placement.apart) {
      if (other === vm.name) continue;
      apart.get(vm.name)?.add(other);
      apart.get(other)?.add(vm.name);
    }
  }
  return apart;
}

/** Everyone whom `together` joins to a VM, over any number of steps, among the VMs that are to run. */
function companionsOf(vms: readonly VmModel[]): Map<string, Set<string>> {
  const groups = new Map(vms.map((vm) => [vm.name, new Set([vm.name])]));
  for (const vm of vms) {
    for (const other of vm.placement.together) {
      const [mine, theirs] = [groups.get(vm.name), groups.get(other)];
      if (mine === undefined || theirs === undefined || mine === theirs) continue;
      for (const name of theirs) groups.set(name, mine.add(name));
    }
  }
  return groups;
}

function rowName(place: DiskPlace): string {
  return 'host' in place ? `${place.host}/${place.array}` : `storage ${place.storage}`;
}
