/**
 * Tries every placement of a small pool, with its own sums and nothing of the solvers. Slow and simple on purpose: this is what "optimal" is measured
 * against. It looks at where things end, not at the way there.
 */

import type { DiskPlace } from '../../src/protocol';
import type { DiskModel, VmModel } from '../../src/backend/drive/model';
import { arrayCapacity, hostCapacity, vmMemoryNeed } from '../../src/backend/placement/capacity';
import { NO_MOVES, type MovePolicy } from '../../src/backend/placement/inputs';
import { hostObstacle, liveObstacle } from '../../src/backend/placement/moving';
import type { Situation } from './arbitrary';

export interface BruteForceBest {
  /** How many VMs of each priority run: the highest priority first, then the next. */
  readonly placed: ReadonlyMap<number, number>;
  /** Of the placements that run as many, the fewest bytes moved. */
  readonly bytesMoved: number;
  /** Of those: the smallest largest load in hundredths, and the fewest hosts. */
  readonly maxLoad: number;
  readonly hostsUsed: number;
}

/** A VM where it could be; `undefined` for left out. */
interface Choice {
  readonly vm: VmModel;
  readonly host: string | undefined;
  /** Of its disks by name; where they lie in the end. */
  readonly places: Readonly<Record<string, DiskPlace | undefined>>;
}

export function bestByBruteForce(situation: Situation, moves: MovePolicy = NO_MOVES): BruteForceBest {
  const pool = new Pool(situation, moves);
  const priorities = [...new Set(situation.model.vms.map((vm) => vm.priority))].sort((a, b) => b - a);
  const count = (choices: readonly Choice[], open: readonly VmModel[]) =>
    priorities.map((priority) => choices.filter(({ vm, host }) => host !== undefined && vm.priority === priority).length + open.filter((vm) => vm.priority === priority).length);
  let best: number[] = [];
  let [bytesMoved, maxLoad, hostsUsed] = [Infinity, Infinity, Infinity];
  const judge = (choices: readonly Choice[]) => {
    const counts = count(choices, []);
    const bytes = sum(choices.map((choice) => pool.bytes(choice)));
    const difference = compare(counts, best) || bytesMoved - bytes;
    if (difference < 0) return;
    if (difference > 0) [best, bytesMoved, maxLoad, hostsUsed] = [counts, bytes, Infinity, Infinity];
    maxLoad = Math.min(maxLoad, pool.largestLoad(choices));
    hostsUsed = Math.min(hostsUsed, new Set(choices.flatMap(({ host }) => host ?? [])).size);
  };
  const descend = (choices: readonly Choice[], open: readonly VmModel[]): void => {
    const [vm, ...rest] = open;
    if (best.length > 0 && compare(count(choices, open), best) < 0) return;
    if (vm === undefined) {
      judge(choices);
      return;
    }
    for (const choice of pool.choices(vm)) {
      const next = [...choices, choice];
      if (pool.isSound(next)) descend(next, rest);
    }
  };
  descend([], pool.wanted);
  return { placed: new Map(priorities.map((priority, index) => [priority, best[index] ?? 0])), bytesMoved: finite(bytesMoved), maxLoad: finite(maxLoad), hostsUsed: finite(hostsUsed) };
}

class Pool {
  /** The dearest first. */
  readonly wanted: readonly VmModel[];
  private readonly capacity = new Map<string, number>();

  constructor(
    private readonly situation: Situation,
    private readonly moves: MovePolicy,
  ) {
    const { model, inventory } = situation;
    this.wanted = model.vms.filter((vm) => vm.start.auto || inventory.running[vm.name] !== undefined).sort((a, b) => b.priority - a.priority);
    for (const host of model.hosts) {
      const offer = hostCapacity(host, inventory, model.cluster.placement);
      this.capacity.set(`cpu ${host.name}`, offer.milliCpus).set(`memory ${host.name}`, offer.memoryBytes);
      this.capacity.set(`gpu ${host.name}`, host.devices?.['gpu'] ?? 0);
      for (const array of host.arrays) {
        const { capacityBytes, bandwidthBps, iops } = arrayCapacity(host, array, inventory);
        this.capacity.set(`space ${host.name}/${array.name}`, capacityBytes).set(`bandwidth ${host.name}/${array.name}`, bandwidthBps).set(`iops ${host.name}/${array.name}`, iops);
      }
    }
    for (const { name, capacityBytes, bandwidthBps } of model.cluster.storage) this.capacity.set(`space ${name}`, capacityBytes).set(`bandwidth ${name}`, bandwidthBps);
  }

  choices(vm: VmModel): Choice[] {
    const now = this.situation.inventory.running[vm.name];
    const out: Choice = { vm, host: undefined, places: this.homes(vm) };
    if (now !== undefined && !this.isUp(now)) return [out];
    if (now !== undefined) {
      const stays: Choice = { vm, host: now, places: this.homes(vm) };
      return this.mayLeave(vm, now) ? [stays, ...this.elsewhere(vm).filter((choice) => placeKey(choice) !== placeKey(stays))] : [stays];
    }
    const lost = vm.disks.some((disk) => {
      const home = this.home(vm, disk);
      return home !== undefined && !this.isUsable(home);
    });
    return lost ? [out] : [...this.elsewhere(vm), out];
  }

  bytes({ vm, host, places }: Choice): number {
    const now = this.situation.inventory.running[vm.name];
    if (host === undefined) return 0;
    const moved = vm.disks.filter((disk) => {
      const home = this.home(vm, disk);
      return home !== undefined && label(home) !== label(places[disk.name]);
    });
    return (now !== undefined && now !== host ? vm.memoryBytes : 0) + sum(moved.map((disk) => disk.sizeBytes));
  }

  /** Whether these could all be: what is added fits beside all that is sure to be there. */
  isSound(choices: readonly Choice[]): boolean {
    const { running } = this.situation.inventory;
    if (choices.filter((choice) => this.bytes(choice) > 0).length > this.moves.maxMoves) return false;
    const isFact = ({ vm, host }: Choice) => host !== undefined && running[vm.name] === host;
    for (const a of choices) {
      for (const b of choices) {
        if (a === b || a.host === undefined || b.host === undefined || (isFact(a) && isFact(b))) continue;
        if (a.host === b.host && a.vm.placement.apart.includes(b.vm.name)) return false;
        if (a.host !== b.host && this.group(a.vm).has(b.vm.name)) return false;
      }
    }
    const { used, added } = this.use(choices);
    return [...added].every((row) => (used.get(row) ?? 0) <= (this.capacity.get(row) ?? Infinity));
  }

  /** Over CPU, memory and each array's bandwidth, in hundredths rounded up. */
  largestLoad(choices: readonly Choice[]): number {
    const { used } = this.use(choices);
    const loads = this.situation.model.hosts.flatMap((host) => [`cpu ${host.name}`, `memory ${host.name}`, ...host.arrays.map((array) => `bandwidth ${host.name}/${array.name}`)]);
    return Math.max(0, ...loads.map((row) => ((used.get(row) ?? 0) === 0 ? 0 : Math.ceil(Math.ceil(((used.get(row) ?? 0) * 10_000) / (this.capacity.get(row) ?? 0)) / 100))));
  }

  /** What is used of each row, and the rows of which something is used that wasn't before. VMs still to be decided count with disks that can't move. */
  private use(choices: readonly Choice[]): { used: Map<string, number>; added: Set<string> } {
    const { model, inventory } = this.situation;
    const used = new Map<string, number>();
    const added = new Set<string>();
    const take = (row: string, amount: number, isNew: boolean) => {
      used.set(row, (used.get(row) ?? 0) + amount);
      if (isNew && amount > 0) added.add(row);
    };
    for (const vm of model.vms) {
      const choice = choices.find((one) => one.vm === vm);
      const isDecided = choice !== undefined || !this.wanted.includes(vm) || this.choices(vm).every((one) => placeKey(one) === placeKey({ vm, host: one.host, places: this.homes(vm) }));
      const wasHere = inventory.running[vm.name];
      if (choice?.host !== undefined) {
        take(`cpu ${choice.host}`, vm.vcpus * 1000, wasHere !== choice.host);
        take(`memory ${choice.host}`, vmMemoryNeed(vm), wasHere !== choice.host);
        for (const [kind, amount] of Object.entries(vm.devices ?? {})) take(`${kind} ${choice.host}`, amount, wasHere !== choice.host);
      }
      const outOfSight = wasHere !== undefined && !this.isUp(wasHere);
      for (const disk of vm.disks) {
        const home = this.home(vm, disk);
        const place = choice === undefined ? home : choice.places[disk.name];
        if (place === undefined || !isDecided) continue;
        const isAtHome = home !== undefined && label(home) === label(place);
        take(`space ${label(place)}`, disk.sizeBytes, !isAtHome);
        if (choice?.host === undefined && !(outOfSight && 'storage' in place)) continue;
        take(`bandwidth ${label(place)}`, disk.bandwidthBps, !(isAtHome && wasHere !== undefined));
        take(`iops ${label(place)}`, disk.iops ?? 0, !(isAtHome && wasHere !== undefined));
      }
    }
    return { used, added };
  }

  /** Every host and every way to lay the disks there that the rules allow. */
  private elsewhere(vm: VmModel): Choice[] {
    const { model, inventory } = this.situation;
    const now = inventory.running[vm.name];
    const from = model.hosts.find(({ name }) => name === now);
    return model.hosts.flatMap((host): Choice[] => {
      if (!this.isUp(host.name) || hostObstacle(vm, host) !== undefined) return [];
      const needsStop = from !== undefined && host !== from && liveObstacle(vm, from, host) !== undefined;
      if (needsStop && this.moves.stops === 'never') return [];
      return this.layouts(vm, host.name, vm.disks).map((places) => ({ vm, host: host.name, places }));
    });
  }

  private layouts(vm: VmModel, host: string, disks: readonly DiskModel[]): Record<string, DiskPlace>[] {
    const [disk, ...rest] = disks;
    if (disk === undefined) return [{}];
    const home = this.home(vm, disk);
    const arrays = (this.situation.model.hosts.find(({ name }) => name === host)?.arrays ?? []).map((array): DiskPlace => ({ host, array: array.name })).filter((place) => this.isUsable(place));
    const runs = this.situation.inventory.running[vm.name] !== undefined;
    const stays = home !== undefined && (disk.storage !== undefined || 'storage' in home || this.moves.maxMoves === 0 || (runs && this.moves.stops === 'never'));
    const homeIsNear = home !== undefined && ('storage' in home || home.host === host);
    const places: DiskPlace[] = stays ? (homeIsNear ? [home] : []) : disk.storage !== undefined ? [{ storage: disk.storage }] : arrays;
    return places.flatMap((place) => this.layouts(vm, host, rest).map((others) => ({ [disk.name]: place, ...others })));
  }

  /** A running VM, unless the facts about it or its host already break a rule. */
  private mayLeave(vm: VmModel, now: string): boolean {
    const { model, inventory } = this.situation;
    const host = model.hosts.find(({ name }) => name === now);
    if (this.moves.maxMoves === 0 || host === undefined || hostObstacle(vm, host) !== undefined) return false;
    const near = vm.disks.every((disk) => {
      const home = this.home(vm, disk);
      return home !== undefined && this.isUsable(home) && ('storage' in home || home.host === now);
    });
    if (!near) return false;
    const standing = model.vms.filter((one) => inventory.running[one.name] !== undefined && this.isUp(inventory.running[one.name]!));
    const { used } = this.use(standing.map((one) => ({ vm: one, host: inventory.running[one.name], places: this.homes(one) })));
    const rows = [`cpu ${now}`, `memory ${now}`, `gpu ${now}`, ...host.arrays.flatMap(({ name }) => [`bandwidth ${now}/${name}`, `iops ${now}/${name}`]), ...model.cluster.storage.map(({ name }) => `bandwidth ${name}`)];
    if (rows.some((row) => (used.get(row) ?? 0) > (this.capacity.get(row) ?? Infinity))) return false;
    return standing.every((other) => {
      if (other === vm) return true;
      const where = inventory.running[other.name];
      const apart = vm.placement.apart.includes(other.name) || other.placement.apart.includes(vm.name);
      return !(apart && where === now) && !(this.group(vm).has(other.name) && where !== now);
    });
  }

  private group(vm: VmModel): Set<string> {
    const members = new Set([vm.name]);
    for (let size = 0; size < members.size; ) {
      size = members.size;
      for (const one of this.wanted) {
        const joined = one.placement.together.filter((name) => this.wanted.some((other) => other.name === name));
        if (members.has(one.name)) for (const name of joined) members.add(name);
        else if (joined.some((name) => members.has(name))) members.add(one.name);
      }
    }
    return members;
  }

  private homes(vm: VmModel): Record<string, DiskPlace | undefined> {
    return Object.fromEntries(vm.disks.map((disk) => [disk.name, this.home(vm, disk)]));
  }

  private home(vm: VmModel, disk: DiskModel): DiskPlace | undefined {
    const key = `${vm.name}/${disk.name}`;
    return this.situation.inventory.disks[key] ?? this.situation.previous.disks[key];
  }

  private isUp(host: string): boolean {
    return this.situation.inventory.hosts[host]?.available !== false;
  }

  private isUsable(place: DiskPlace): boolean {
    const { model, inventory } = this.situation;
    if ('storage' in place) return true;
    const host = model.hosts.find(({ name }) => name === place.host);
    const array = host?.arrays.find(({ name }) => name === place.array);
    return host !== undefined && array !== undefined && this.isUp(host.name) && arrayCapacity(host, array, inventory).usable;
  }
}

function placeKey({ host, places }: Choice): string {
  return JSON.stringify([host, Object.entries(places).map(([name, place]) => [name, label(place)]).sort()]);
}

function label(place: DiskPlace | undefined): string {
  return place === undefined ? '' : 'host' in place ? `${place.host}/${place.array}` : place.storage;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((value, index) => value !== (b[index] ?? -1));
  return first < 0 ? 0 : a[first]! - (b[first] ?? -1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
