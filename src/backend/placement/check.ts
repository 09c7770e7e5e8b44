/**
 * The independent checker: plays a plan's actions one after the other against the model and says everything that is wrong with
 * it. It shares no code with the solvers, only the definitions of what hosts offer and VMs need. No plan leaves the planner
 * unchecked.
 *
 * What is there at the start (running VMs, existing disks) is a fact and is never complained about; every action that takes
 * something must find it free at that moment. A move holds what it leaves until it has ended. On the way and at the end each VM is apart
 * from those it must be apart from and on a host it may be on; VMs that must be together may be torn while they move, and no longer.
 */

import type { DiskPlace, PlanJson, PlanStep } from '../../protocol';
import type { DiskModel, HostModel, PoolModel, VmModel } from '../drive/model';
import { arrayCapacity, diskKey, hostCapacity, own, vmMemoryNeed, vmMilliCpus } from './capacity';
import { checkOrder, type Played } from './checkOrder';
import { NO_MOVES, type Inventory, type MovePolicy, type PreviousPlacement } from './inputs';
import { hostObstacle, liveObstacle, migrationBytes } from './moving';

/** Sentences about violations; empty when the plan may be carried out. */
export function checkPlan(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, plan: PlanJson, moves: MovePolicy = NO_MOVES): string[] {
  const pool = new PoolAtWork(model, inventory, previous, moves);
  const played = plan.actions.map((action): Played => ({ action, ...pool.act(action) }));
  pool.compare(plan);
  const order = checkOrder(played, (row) => pool.freeAtFirst(row), model);
  return [...pool.violations, ...order];
}

/** The same for a list of steps by itself, which may stop half-way. */
export function checkSteps(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, steps: readonly PlanStep[], moves: MovePolicy = NO_MOVES): string[] {
  const pool = new PoolAtWork(model, inventory, previous, moves);
  for (const step of steps) pool.act(step);
  return pool.violations;
}

/** Rows and amounts; a row is named after the resource and its place. */
type Rows = [row: string, amount: number][];

class PoolAtWork {
  readonly violations: string[] = [];
  private readonly vms: ReadonlyMap<string, VmModel>;
  private readonly hosts: ReadonlyMap<string, HostModel>;
  private readonly running = new Map<string, string>();
  private readonly disks = new Map<string, DiskPlace>();
  private readonly ranAtFirst: ReadonlyMap<string, string>;
  private readonly disksAtFirst: ReadonlyMap<string, DiskPlace>;
  private readonly usedAtFirst: ReadonlyMap<string, number>;
  private readonly capacity = new Map<string, number>();
  private readonly used = new Map<string, number>();
  private readonly unusable = new Map<string, string>();
  private readonly apart: ReadonlyMap<string, ReadonlySet<string>>;
  private readonly companions: ReadonlyMap<string, ReadonlySet<string>>;
  /** What the present action takes and gives back. */
  private taken: Rows = [];
  private given: Rows = [];

  constructor(
    private readonly model: PoolModel,
    private readonly inventory: Inventory,
    previous: PreviousPlacement,
    private readonly moves: MovePolicy,
  ) {
    this.vms = new Map(model.vms.map((vm) => [vm.name, vm]));
    this.hosts = new Map(model.hosts.map((host) => [host.name, host]));
    this.apart = apartFrom(model);
    this.companions = companionsOf(model.vms.filter((vm) => vm.start.auto || own(inventory.running, vm.name) !== undefined));
    this.measureCapacity();
    for (const vm of model.vms) {
      for (const disk of vm.disks) {
        const key = diskKey(vm.name, disk.name);
        const place = own(inventory.disks, key) ?? own(previous.disks, key);
        if (place === undefined) continue;
        this.disks.set(key, place);
        this.add([[`space ${rowName(place)}`, disk.sizeBytes]], 1);
      }
      const host = own(inventory.running, vm.name);
      if (host === undefined) continue;
      this.running.set(vm.name, host);
      this.add(this.workingRows(vm, host), 1);
    }
    this.ranAtFirst = new Map(this.running);
    this.disksAtFirst = new Map(this.disks);
    this.usedAtFirst = new Map(this.used);
  }

  /** What the row offered before the first action. */
  freeAtFirst(row: string): number {
    return (this.capacity.get(row) ?? 0) - (this.usedAtFirst.get(row) ?? 0);
  }

  act(step: PlanStep): { readonly takes: Rows; readonly releases: Rows } {
    this.taken = [];
    this.given = [];
    const vm = this.vms.get(step.vm);
    if (vm === undefined) this.blame(`${step.kind} names ${step.vm}, which is no VM of this drive`);
    else if (step.kind === 'create-disk') this.createDisk(vm, step);
    else if (step.kind === 'move-disk') this.moveDisk(vm, step);
    else if (step.kind === 'migrate') this.migrate(vm, step);
    else if (step.kind === 'start') this.start(vm, step.host);
    else this.stop(vm, step.host);
    return { takes: this.taken, releases: this.given };
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
    this.compareMoves(plan);
    this.requireTogether();
    const priority = plan.unplaced.reduce((sum, entry) => sum + (this.vms.get(entry.vm)?.priority ?? 0), 0);
    if (priority !== plan.objective.unplacedPriority) this.blame(`the priorities left out sum to ${priority}, not ${plan.objective.unplacedPriority}`);
    if (left.size !== plan.objective.unplaced) this.blame(`${left.size} VMs are left out, not ${plan.objective.unplaced}`);
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

  /** At most as many VMs moved as asked, with as many bytes as the plan says, and nothing moved that has no part in it. */
  private compareMoves(plan: PlanJson): void {
    const moved = new Set<string>();
    let bytes = 0;
    for (const [name, host] of this.ranAtFirst) {
      const vm = this.vms.get(name);
      if (vm !== undefined && !this.running.has(name)) this.blame(`${name} ran and is left stopped`);
      if (vm === undefined || this.running.get(name) === host) continue;
      moved.add(name);
      bytes += migrationBytes(vm);
    }
    for (const [key, place] of this.disksAtFirst) {
      if (rowName(this.disks.get(key) ?? place) === rowName(place)) continue;
      const vm = this.model.vms.find(({ name, disks }) => disks.some((disk) => diskKey(name, disk.name) === key));
      const disk = vm?.disks.find((one) => diskKey(vm.name, one.name) === key);
      if (vm === undefined || disk === undefined) continue;
      moved.add(vm.name);
      bytes += disk.sizeBytes;
      if (own(plan.assignments, vm.name) === undefined) this.blame(`disk ${key} is moved though its VM doesn't run`);
    }
    if (moved.size > this.moves.maxMoves) this.blame(`${moved.size} VMs are moved, at most ${this.moves.maxMoves} may be`);
    for (const name of moved) if (this.moves.stay?.has(name) === true) this.blame(`${name} is moved and was to stay`);
    if (bytes !== plan.objective.bytesMoved) this.blame(`${bytes} bytes are moved, not ${plan.objective.bytesMoved}`);
  }

  /** VMs that the facts tear apart stay so until one of them moves. */
  private requireTogether(): void {
    const isMoved = (name: string) => this.running.get(name) !== this.ranAtFirst.get(name);
    for (const [name, host] of this.running) {
      for (const other of this.companions.get(name) ?? []) {
        const elsewhere = this.running.get(other);
        const isTorn = elsewhere !== undefined && elsewhere !== host && this.isUp(host) && this.isUp(elsewhere);
        if (isTorn && isMoved(name)) this.blame(`${name} must be together with ${other}, which runs on ${elsewhere}`);
      }
    }
  }

  private createDisk(vm: VmModel, action: Extract<PlanStep, { kind: 'create-disk' }>): void {
    const disk = vm.disks.find((candidate) => candidate.name === action.disk);
    const key = diskKey(vm.name, action.disk);
    if (disk === undefined) this.blame(`${key} is no disk of this drive`);
    else if (this.disks.has(key)) this.blame(`disk ${key} exists already`);
    else if (action.bytes !== disk.sizeBytes) this.blame(`disk ${key} has ${disk.sizeBytes} bytes, not ${action.bytes}`);
    else if (disk.storage !== undefined && !('storage' in action.to && action.to.storage === disk.storage)) this.blame(`disk ${key} belongs on storage ${disk.storage}`);
    else if (disk.storage === undefined && 'storage' in action.to) this.blame(`disk ${key} belongs on an array`);
    else {
      this.requireUsable(action.to, key);
      this.disks.set(key, action.to);
      this.take([[`space ${rowName(action.to)}`, disk.sizeBytes]], key);
    }
  }

  private moveDisk(vm: VmModel, action: Extract<PlanStep, { kind: 'move-disk' }>): void {
    const disk = vm.disks.find((candidate) => candidate.name === action.disk);
    const key = diskKey(vm.name, action.disk);
    const place = this.disks.get(key);
    if (disk === undefined || place === undefined) this.blame(`disk ${key} is moved and doesn't exist`);
    else if (rowName(place) !== rowName(action.from)) this.blame(`disk ${key} is moved from ${rowName(action.from)} and lies on ${rowName(place)}`);
    else if (rowName(place) === rowName(action.to)) this.blame(`disk ${key} is moved to where it lies`);
    else if (action.bytes !== disk.sizeBytes) this.blame(`disk ${key} has ${disk.sizeBytes} bytes, not ${action.bytes}`);
    else if (disk.storage !== undefined || 'storage' in action.to || 'storage' in place) this.blame(`disk ${key} is moved from or to shared storage`);
    else if (this.running.has(vm.name)) this.blame(`disk ${key} is moved while ${vm.name} runs`);
    else {
      this.requireUsable(place, key);
      this.requireUsable(action.to, key);
      this.disks.set(key, action.to);
      this.take([[`space ${rowName(action.to)}`, disk.sizeBytes]], key);
      this.giveBack([[`space ${rowName(place)}`, disk.sizeBytes]]);
    }
  }

  private migrate(vm: VmModel, { from, to, bytes }: Extract<PlanStep, { kind: 'migrate' }>): void {
    const [source, target] = [this.hosts.get(from), this.hosts.get(to)];
    if (this.running.get(vm.name) !== from) this.blame(`${vm.name} is migrated from ${from} and doesn't run there`);
    else if (source === undefined || target === undefined || !this.isUp(from) || from === to) this.blame(`${vm.name} can't be migrated from ${from} to ${to}`);
    else {
      const obstacle = liveObstacle(vm, source, target);
      if (obstacle !== undefined) this.blame(`${vm.name} can't migrate live to ${to}: ${obstacle}`);
      if (bytes !== migrationBytes(vm)) this.blame(`${vm.name} has ${migrationBytes(vm)} bytes of memory, not ${bytes}`);
      for (const disk of vm.disks) if ('host' in (this.disks.get(diskKey(vm.name, disk.name)) ?? {})) this.blame(`${vm.name} is migrated, and its disk ${disk.name} is out of reach of ${to}`);
      this.requireHost(vm, to);
      this.running.set(vm.name, to);
      this.take(hostRows(vm, to), vm.name);
      this.giveBack(hostRows(vm, from));
    }
  }

  private stop(vm: VmModel, host: string): void {
    if (this.running.get(vm.name) !== host) this.blame(`${vm.name} is stopped on ${host} and doesn't run there`);
    else if (this.moves.stops === 'never') this.blame(`${vm.name} is stopped, and what runs must not be`);
    else if (!this.isUp(host)) this.blame(`${vm.name} is stopped on ${host}, which can't be asked`);
    else {
      this.running.delete(vm.name);
      this.giveBack(this.workingRows(vm, host));
    }
  }

  private start(vm: VmModel, host: string): void {
    if (this.running.has(vm.name)) {
      this.blame(`${vm.name} runs already`);
      return;
    }
    const isStopped = this.ranAtFirst.has(vm.name);
    if (!vm.start.auto && !isStopped) this.blame(`${vm.name} isn't to be started by itself`);
    this.requireHost(vm, host);
    for (const other of isStopped ? [] : (this.companions.get(vm.name) ?? [])) {
      const elsewhere = this.running.get(other);
      if (elsewhere !== undefined && elsewhere !== host && this.isUp(elsewhere)) this.blame(`${vm.name} must be together with ${other}, which runs on ${elsewhere}`);
    }
    for (const disk of vm.disks) this.requireReach(vm, disk, host);
    this.running.set(vm.name, host);
    this.take(this.workingRows(vm, host), vm.name);
  }

  /** What a host must be for a VM that comes to it. */
  private requireHost(vm: VmModel, host: string): void {
    const model = this.hosts.get(host);
    if (model === undefined || !this.isUp(host)) this.blame(`${vm.name} is to run on ${host}, which can't take VMs`);
    const obstacle = model === undefined ? undefined : hostObstacle(vm, model);
    if (obstacle !== undefined) this.blame(`${vm.name} may not run on ${host}: ${obstacle}`);
    for (const other of this.apart.get(vm.name) ?? []) if (this.running.get(other) === host) this.blame(`${vm.name} must be apart from ${other}, which runs on ${host}`);
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
      for (const [kind, count] of Object.entries(host.devices ?? {})) this.capacity.set(`${kind} devices of ${host.name}`, count);
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

  /** What a running VM takes beside space. A disk that was never made takes nothing. */
  private workingRows(vm: VmModel, host: string): Rows {
    const rows = hostRows(vm, host);
    for (const disk of vm.disks) {
      const place = this.disks.get(diskKey(vm.name, disk.name));
      if (place !== undefined) rows.push([`bandwidth ${rowName(place)}`, disk.bandwidthBps], [`iops ${rowName(place)}`, disk.iops ?? 0]);
    }
    return rows;
  }

  private take(rows: Rows, what: string): void {
    this.add(rows, 1);
    this.taken.push(...rows);
    for (const [row, amount] of rows) {
      const [used, capacity] = [this.used.get(row) ?? 0, this.capacity.get(row) ?? 0];
      if (amount > 0 && used > capacity) this.blame(`${what} overfills ${row}: ${used} of ${capacity}`);
    }
  }

  private giveBack(rows: Rows): void {
    this.add(rows, -1);
    this.given.push(...rows);
  }

  private add(rows: Rows, sign: 1 | -1): void {
    for (const [row, amount] of rows) this.used.set(row, (this.used.get(row) ?? 0) + sign * amount);
  }

  private blame(violation: string): void {
    this.violations.push(violation);
  }
}

function hostRows(vm: VmModel, host: string): Rows {
  return [
    [`cpu ${host}`, vmMilliCpus(vm)],
    [`memory ${host}`, vmMemoryNeed(vm)],
    ...Object.entries(vm.devices ?? {}).map(([kind, count]): [string, number] => [`${kind} devices of ${host}`, count]),
  ];
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
