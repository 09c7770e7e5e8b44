/**
 * Empties a host where moving its VMs one by one to hosts in use no longer works: all of them wait, and annealing swaps VMs that wait for VMs that
 * run, and VMs between hosts, until nobody waits. What waits counts by its bulk, and the other hosts are better filled unevenly than evenly: that is where
 * room for the last one comes from (Buljubašić, Vasquez, *Consistent neighborhood search for one-dimensional bin packing and
 * two-dimensional vector packing*, 2016, walk over such partial packings as well).
 */

import { at, type Packing } from '../packing';
import { FULL_LOAD } from '../problem';
import { Trial } from '../trial';
import { anneal, type Landscape, type RandomBelow } from './anneal';

export interface EmptyingOptions {
  readonly host: number;
  readonly steps: number;
  readonly random: RandomBelow;
}

/** Whether the host could be emptied; every VM that was placed still is. If not, the packing is as it was. */
export function emptyBySearch(packing: Packing, { host, steps, random }: EmptyingOptions): boolean {
  const used = packing.hostVms.filter((vms) => vms.length > 0).length;
  if (used < 2 || at(packing.hostVms, host).some((vm) => packing.isFixed(vm))) return false;
  const before = packing.solution();
  const walk = new Emptying(packing, host);
  anneal(walk, { steps, warmth: walk.usualSize * WARMTH, random });
  if (walk.isDone) return true;
  packing.load(before);
  return false;
}

/** In bulks of the usual VM: what waits may grow by about a fifth of it at the beginning. */
const WARMTH = 0.2;

class Emptying implements Landscape {
  readonly usualSize: number;
  /** VMs that may move: those that are placed, and don't stay whatever happens. */
  private readonly vms: readonly number[];
  private readonly waiting: number[];
  /** The hosts in use that stay so. */
  private readonly hosts: readonly number[];
  /** Share of a host that each VM takes, summed over the rows, in ten-thousandths; and the same of what each host holds. */
  private readonly size: Float64Array;
  private readonly fill: Float64Array;
  private readonly full: number;
  /** The change proposed last: the VM goes to `to`, and those in `ousted` to where it was, or to those that wait. */
  private vm = 0;
  private from = WAITING;
  private to = 0;
  private ousted: number[] = [];

  constructor(
    private readonly packing: Packing,
    host: number,
  ) {
    const { problem } = packing;
    this.size = sizesOf(packing);
    this.full = FULL_LOAD * problem.hostRows;
    this.fill = Float64Array.from(packing.hostVms, (vms) => vms.reduce((sum, vm) => sum + at(this.size, vm), 0));
    this.hosts = packing.hostVms.flatMap((vms, index) => (vms.length > 0 && index !== host ? [index] : []));
    this.vms = packing.hostVms.flatMap((vms) => vms.filter((vm) => !packing.isFixed(vm)));
    this.waiting = [...at(packing.hostVms, host)];
    for (const vm of this.waiting) packing.remove(vm);
    this.usualSize = this.vms.reduce((sum, vm) => sum + at(this.size, vm), 0) / this.vms.length;
  }

  get isDone(): boolean {
    return this.waiting.length === 0;
  }

  propose(random: RandomBelow): number | undefined {
    const { packing, waiting, hosts } = this;
    this.vm = random(2) === 0 ? at(waiting, random(waiting.length)) : at(this.vms, random(this.vms.length));
    this.from = at(packing.vmHost, this.vm);
    this.to = at(hosts, random(hosts.length));
    if (this.to === this.from || at(at(packing.problem.vmAllowed, this.vm), this.to) === 0) return undefined;
    if (!this.chooseOusted(random)) return undefined;
    const entering = at(this.size, this.vm);
    const leaving = this.ousted.reduce((sum, vm) => sum + at(this.size, vm), 0);
    const there = this.evenness(this.to, entering - leaving);
    return this.from === WAITING ? leaving - entering + there : there + this.evenness(this.from, leaving - entering);
  }

  commit(): boolean {
    const { packing, vm, from, to, ousted, waiting } = this;
    const trial = new Trial(packing);
    if (from !== WAITING) trial.remove(vm);
    for (const other of ousted) trial.remove(other);
    if (!trial.tryAdd(vm, to) || (from !== WAITING && !ousted.every((other) => trial.tryAdd(other, from)))) {
      trial.rollBack();
      return false;
    }
    const leaving = ousted.reduce((sum, other) => sum + at(this.size, other), 0);
    const change = at(this.size, vm) - leaving;
    this.fill[to] = at(this.fill, to) + change;
    if (from === WAITING) {
      waiting[waiting.indexOf(vm)] = at(waiting, waiting.length - 1);
      waiting.pop();
      waiting.push(...ousted);
    } else this.fill[from] = at(this.fill, from) - change;
    return true;
  }

  keep(): void {
    // Only an empty host counts, and then the walk ends.
  }

  /** What must leave `to` so that the VM fits by the rows of the hosts: nobody, one VM, or two when the VM waits. False when that isn't enough. */
  private chooseOusted(random: RandomBelow): boolean {
    this.ousted = [];
    const there = at(this.packing.hostVms, this.to);
    if (this.hasRoom(NOBODY, NOBODY)) return true;
    const start = random(there.length);
    for (let i = 0; i < there.length; i++) {
      const one = at(there, (start + i) % there.length);
      if (!this.hasRoom(one, NOBODY) || this.packing.isFixed(one)) continue;
      this.ousted = [one];
      return true;
    }
    if (this.from !== WAITING || there.length < 2) return false;
    const [one, other] = [at(there, start), at(there, (start + 1 + random(there.length - 1)) % there.length)];
    if (!this.hasRoom(one, other) || this.packing.isFixed(one) || this.packing.isFixed(other)) return false;
    this.ousted = [one, other];
    return true;
  }

  private hasRoom(one: number, other: number): boolean {
    const { problem, hostUsed } = this.packing;
    const { hostRows, vmLoad, hostCapacity } = problem;
    for (let row = 0; row < hostRows; row++) {
      const load = at(vmLoad, this.vm * hostRows + row);
      const freed = (one === NOBODY ? 0 : at(vmLoad, one * hostRows + row)) + (other === NOBODY ? 0 : at(vmLoad, other * hostRows + row));
      const index = this.to * hostRows + row;
      if (load > freed && at(hostUsed, index) + load - freed > at(hostCapacity, index)) return false;
    }
    return true;
  }

  /** The change in −fill² ÷ 2, in the measure of sizes. */
  private evenness(host: number, change: number): number {
    return (-change * (at(this.fill, host) + change / 2)) / this.full;
  }
}

function sizesOf({ problem }: Packing): Float64Array {
  const { hostRows, hostCount } = problem;
  const offered = new Float64Array(hostRows);
  problem.hostCapacity.forEach((capacity, index) => (offered[index % hostRows] = at(offered, index % hostRows) + capacity));
  return Float64Array.from({ length: problem.vmCount }, (_, vm) => {
    let size = 0;
    for (let row = 0; row < hostRows; row++) {
      if (at(offered, row) > 0) size += Math.ceil((at(problem.vmLoad, vm * hostRows + row) * hostCount * FULL_LOAD) / at(offered, row));
    }
    return size;
  });
}

const WAITING = -1;
const NOBODY = -1;
