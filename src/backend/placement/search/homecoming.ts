/**
 * Fewer bytes moved by simulated annealing: what has moved goes home when others give way, over chains of hosts. Whoever gives way goes home himself, to
 * where the first one was, to any host with room, or waits for a while, which is dear: almost full pools have no other way from one placement to the next
 * (ejection chains: Glover, *Ejection chains, reference structures and alternating path methods for traveling salesman problems*, 1996).
 */

import { movedBytes, movedBytesOf } from '../objective';
import { placingOrder, unitsOf, vmSizes } from '../order';
import { at, Packing } from '../packing';
import type { Problem, Solution } from '../problem';
import { Trial } from '../trial';
import { anneal, type Landscape, type RandomBelow } from './anneal';

export interface HomecomingOptions {
  readonly steps: number;
  readonly random: RandomBelow;
  /** Bytes that must move in any case: the walk ends when no more do. */
  readonly leastBytes: number;
  readonly shouldStop: () => boolean;
}

/** The same VMs placed with no more bytes moved; the start itself when no better placement was found. VMs of one `together` travel as one. */
export function bringHome(problem: Problem, start: Solution, options: HomecomingOptions): Solution {
  const { steps, random, leastBytes } = options;
  if (problem.vmCount * problem.hostCount > MOST_CELLS || movedBytes(problem, start) <= leastBytes) return start;
  const packing = new Packing(problem);
  packing.load(start);
  const walk = new Homecoming(packing, start, options);
  anneal(walk, { steps, warmth: walk.usualBytes * WARMTH, random });
  return walk.result();
}

/** Beyond this many VMs times hosts the tables cost more than the walk brings. */
const MOST_CELLS = 2_000_000;
/** In bytes of the usual item. */
const WARMTH = 0.3;
/** What waiting costs, in bytes that would travel. */
const WAITING_COST = 2;
/** Items that give way to one. */
const MOST_OUSTED = 3;
/** Hosts looked at for each of those, beside its home and the place that becomes free. */
const MOST_TRIED = 4;
/** Whether to stop is asked once in so many steps. */
const STEPS_BETWEEN_QUESTIONS = 1024;
const WAITING = -1;

class Homecoming implements Landscape {
  /** Bytes that travel with the usual item that is able to move. */
  readonly usualBytes: number;
  /** VMs that go together, those that are fixed or left out aside; everything below is by the number of the item, or of the item and the host. */
  private readonly items: readonly (readonly number[])[];
  private readonly itemOf: Int32Array;
  private readonly where: Int32Array;
  private readonly loads: Float64Array;
  private readonly bytesAt: Float64Array;
  private readonly isAllowed: Uint8Array;
  private readonly home: Int32Array;
  private readonly waitingCost: Float64Array;
  /** Of each host and row; while a change is thought out, with what of it is decided. */
  private readonly used: Float64Array;
  private readonly waiting: Bag;
  private readonly away: Bag;
  private bytes = 0;
  private bestBytes: number;
  private steps = 0;
  private isStopped = false;
  /** The change proposed last: these items, to these hosts. */
  private readonly moving: number[] = [];
  private readonly targets: number[] = [];

  constructor(
    private readonly packing: Packing,
    private best: Solution,
    private readonly options: Pick<HomecomingOptions, 'leastBytes' | 'shouldStop'>,
  ) {
    const { problem } = packing;
    const { hostCount, hostRows } = problem;
    this.items = unitsOf(problem, placingOrder(problem))
      .map((unit) => unit.filter((vm) => at(packing.vmHost, vm) >= 0))
      .filter((unit, vm) => unit[0] === vm && !unit.some((member) => packing.isFixed(member)));
    const count = this.items.length;
    this.itemOf = new Int32Array(problem.vmCount).fill(-1);
    this.where = new Int32Array(count);
    this.loads = new Float64Array(count * hostRows);
    this.bytesAt = new Float64Array(count * hostCount);
    this.isAllowed = new Uint8Array(count * hostCount);
    this.home = new Int32Array(count).fill(-1);
    this.items.forEach((vms, item) => {
      this.where[item] = at(packing.vmHost, vms[0] ?? 0);
      for (const vm of vms) {
        this.itemOf[vm] = item;
        for (let row = 0; row < hostRows; row++) this.loads[item * hostRows + row] = at(this.loads, item * hostRows + row) + at(problem.vmLoad, vm * hostRows + row);
      }
      let [least, most] = [Infinity, 0];
      for (let host = 0; host < hostCount; host++) {
        this.isAllowed[item * hostCount + host] = Number(vms.every((vm) => at(at(problem.vmAllowed, vm), host) === 1));
        const bytes = vms.reduce((sum, vm) => sum + fewestBytes(problem, vm, host), 0);
        this.bytesAt[item * hostCount + host] = bytes;
        if (bytes < least) this.home[item] = host;
        [least, most] = [Math.min(least, bytes), Math.max(most, bytes)];
      }
      if (least === most) this.home[item] = -1;
    });
    this.used = Float64Array.from(packing.hostUsed);
    const sizes = vmSizes(problem);
    const sizeOf = (item: number) => at(this.items, item).reduce((sum, vm) => sum + at(sizes, vm), 0);
    const full = (item: number) => this.bytesAt.subarray(item * hostCount, (item + 1) * hostCount).reduce((most, bytes) => Math.max(most, bytes), 0);
    const all = Array.from(this.items.keys());
    const able = all.filter((item) => full(item) > 0);
    const total = able.reduce((sum, item) => sum + full(item), 0);
    this.usualBytes = total / Math.max(1, able.length);
    const bytesOfSize = total / Math.max(1, able.reduce((sum, item) => sum + sizeOf(item), 0));
    this.waitingCost = Float64Array.from(all, (item) => WAITING_COST * Math.max(full(item), Math.ceil(sizeOf(item) * bytesOfSize)));
    this.waiting = new Bag(count);
    this.away = new Bag(count);
    for (const item of all) {
      const bytes = this.movedBytes(item);
      this.bytes += bytes;
      this.away.set(item, bytes > 0);
    }
    this.bestBytes = this.bytes;
  }

  get isDone(): boolean {
    if (this.steps++ % STEPS_BETWEEN_QUESTIONS === 0) this.isStopped = this.options.shouldStop();
    return this.isStopped || this.bestBytes <= this.options.leastBytes;
  }

  /** The best placement met in which nobody waits. */
  result(): Solution {
    return this.best;
  }

  keep(): void {
    // The cheapest state may have somebody waiting: `commit` remembers the best one in which nobody does.
  }

  propose(random: RandomBelow): number | undefined {
    const { hostCount } = this.packing.problem;
    const item = this.pick(random);
    const home = this.home[item] as number;
    const from = this.where[item] as number;
    const to = home >= 0 && home !== from && random(2) === 0 ? home : random(hostCount);
    if (to === from || this.isAllowed[item * hostCount + to] === 0) return undefined;
    this.moving.length = 0;
    this.targets.length = 0;
    this.moving.push(item);
    this.targets.push(to);
    this.shift(item, from, -1);
    this.shift(item, to, 1);
    let change: number | undefined = this.costAt(item, to) - this.costAt(item, from);
    change = this.oust(to, random) ? change + this.findPlaces(from, to, random) : undefined;
    // Thought out only: `commit` makes it true.
    for (let i = 0; i < this.moving.length; i++) {
      const moved = this.moving[i] as number;
      this.shift(moved, this.where[moved] as number, 1);
      if (i < this.targets.length) this.shift(moved, this.targets[i] as number, -1);
    }
    return change;
  }

  commit(): boolean {
    const { packing, moving, targets } = this;
    const trial = new Trial(packing);
    for (const item of moving) if (at(this.where, item) !== WAITING) for (const vm of at(this.items, item)) trial.remove(vm);
    let change = 0;
    // Those that give way go first: until a disk has a new place it takes its space at home.
    for (let i = moving.length - 1; i >= 0; i--) {
      const [item, host] = [at(moving, i), at(targets, i)];
      if (host !== WAITING && (!at(this.items, item).every((vm) => trial.tryAdd(vm, host)) || this.movedBytes(item) > this.costAt(item, host))) {
        trial.rollBack();
        return false;
      }
    }
    for (let i = 0; i < moving.length; i++) {
      const [item, host] = [at(moving, i), at(targets, i)];
      const before = at(this.where, item);
      this.shift(item, before, -1);
      this.shift(item, host, 1);
      change += (host === WAITING ? 0 : this.costAt(item, host)) - (before === WAITING ? 0 : this.costAt(item, before));
      this.where[item] = host;
      this.waiting.set(item, host === WAITING);
      this.away.set(item, host !== WAITING && this.costAt(item, host) > 0);
    }
    this.bytes += change;
    if (this.bytes < this.bestBytes && this.waiting.items.length === 0) {
      this.best = packing.solution();
      this.bestBytes = this.bytes;
    }
    return true;
  }

  private pick(random: RandomBelow): number {
    const among = random(3);
    if (among === 0 && this.waiting.items.length > 0) return this.waiting.items[random(this.waiting.items.length)] as number;
    if (among === 1 && this.away.items.length > 0) return this.away.items[random(this.away.items.length)] as number;
    return random(this.items.length);
  }

  /** Takes items off the host until the rest has room. False when too many would have to go. */
  private oust(host: number, random: RandomBelow): boolean {
    const there = this.packing.hostVms[host] as number[];
    const start = there.length > 0 ? random(there.length) : 0;
    let next = 0;
    while (!this.isWithin(host)) {
      if (this.moving.length > MOST_OUSTED) return false;
      let other = -1;
      for (; next < there.length && other < 0; next++) {
        const candidate = this.itemOf[there[(start + next) % there.length] as number] as number;
        if (candidate >= 0 && !this.moving.includes(candidate)) other = candidate;
      }
      if (other < 0) return false;
      this.moving.push(other);
      this.shift(other, host, -1);
    }
    return true;
  }

  /** Gives each ousted item a target; returns what that costs. */
  private findPlaces(from: number, to: number, random: RandomBelow): number {
    let cost = 0;
    for (let i = 1; i < this.moving.length; i++) {
      const item = this.moving[i] as number;
      const target = this.placeFor(item, from, to, random);
      this.targets.push(target);
      this.shift(item, target, 1);
      cost += this.costAt(item, target) - this.costAt(item, to);
    }
    return cost;
  }

  private placeFor(item: number, from: number, to: number, random: RandomBelow): number {
    const home = this.home[item] as number;
    if (home >= 0 && home !== to && this.hasRoom(item, home)) return home;
    if (from !== WAITING && this.hasRoom(item, from)) return from;
    for (let tries = 0; tries < MOST_TRIED; tries++) {
      const host = random(this.packing.problem.hostCount);
      if (host !== to && this.hasRoom(item, host)) return host;
    }
    return WAITING;
  }

  private hasRoom(item: number, host: number): boolean {
    const { hostCount, hostRows, hostCapacity } = this.packing.problem;
    if (this.isAllowed[item * hostCount + host] === 0) return false;
    for (let row = 0; row < hostRows; row++) {
      const load = this.loads[item * hostRows + row] as number;
      const index = host * hostRows + row;
      if (load > 0 && (this.used[index] as number) + load > (hostCapacity[index] as number)) return false;
    }
    return true;
  }

  /** Whether what the first item of the change takes of the host is there; rows that it doesn't take from may be overfull already. */
  private isWithin(host: number): boolean {
    const { hostRows, hostCapacity } = this.packing.problem;
    const item = this.moving[0] as number;
    for (let row = 0; row < hostRows; row++) {
      const index = host * hostRows + row;
      if ((this.loads[item * hostRows + row] as number) > 0 && (this.used[index] as number) > (hostCapacity[index] as number)) return false;
    }
    return true;
  }

  private shift(item: number, host: number, sign: 1 | -1): void {
    if (host === WAITING) return;
    const { hostRows } = this.packing.problem;
    for (let row = 0; row < hostRows; row++) {
      const index = host * hostRows + row;
      this.used[index] = (this.used[index] as number) + sign * (this.loads[item * hostRows + row] as number);
    }
  }

  private costAt(item: number, host: number): number {
    return (host === WAITING ? this.waitingCost[item] : this.bytesAt[item * this.packing.problem.hostCount + host]) as number;
  }

  private movedBytes(item: number): number {
    return at(this.items, item).reduce((sum, vm) => sum + movedBytesOf(this.packing.problem, this.packing, vm), 0);
  }
}

/** Bytes that travel at least when the VM is on the host: the room on its arrays left aside. */
function fewestBytes(problem: Problem, vm: number, host: number): number {
  const now = at(problem.vmRunningHost, vm);
  let bytes = now >= 0 && now !== host ? at(problem.vmMoveBytes, vm) : 0;
  for (const disk of at(problem.vmDisks, vm)) {
    const home = at(problem.diskHome, disk);
    if (at(problem.diskVolume, disk) < 0 && home >= 0 && at(problem.volumeHost, home) !== host) bytes += at(problem.diskMoveBytes, disk);
  }
  return bytes;
}

/** Numbers to pick from at random. */
class Bag {
  readonly items: number[] = [];
  private readonly slot: Int32Array;

  constructor(count: number) {
    this.slot = new Int32Array(count).fill(-1);
  }

  set(item: number, isIn: boolean): void {
    const slot = at(this.slot, item);
    if (isIn === slot >= 0) return;
    if (isIn) {
      this.slot[item] = this.items.length;
      this.items.push(item);
      return;
    }
    const last = at(this.items, this.items.length - 1);
    this.items[slot] = last;
    this.slot[last] = slot;
    this.items.pop();
    this.slot[item] = -1;
  }
}
