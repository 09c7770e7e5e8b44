/**
 * The challenge's problem as a landscape for the product's annealing. A change takes one process to another machine; where it doesn't fit, another one makes
 * room, and goes to the first's machine (a swap) or to a third one (a chain). The change in cost is worked out from the machines it touches.
 */

import { at } from '../../../src/backend/placement/packing';
import type { Landscape, RandomBelow } from '../../../src/backend/placement/search/anneal';
import type { Instance } from './instance';
import { NONE, ServiceMoves, ServiceRules } from './services';

export class Reassignment implements Landscape {
  readonly best: Int32Array;
  readonly isDone = false;
  private readonly machineOf: Int32Array;
  private readonly usage: Float64Array;
  /** Usage, and what processes that have left hold of transient resources. */
  private readonly held: Float64Array;
  /** Resources in the order in which a machine is most likely to lack them. */
  private readonly scarcestFirst: Int32Array;
  private readonly rules: ServiceRules;
  private readonly serviceMoves: ServiceMoves;
  /** Processes on each machine, and where each stands in its list. */
  private readonly processesOn: readonly number[][];
  private readonly slot: Int32Array;
  /** The change proposed last: `process` goes from `from` to `to`, and `ousted`, if any, from there to `refuge`. */
  private process = 0;
  private from = 0;
  private to = 0;
  private ousted = NONE;
  private refuge = 0;

  constructor(private readonly instance: Instance) {
    const { initial, resourceCount, machineCount } = instance;
    this.machineOf = Int32Array.from(initial);
    this.best = Int32Array.from(initial);
    this.usage = new Float64Array(machineCount * resourceCount);
    this.processesOn = Array.from({ length: machineCount }, () => []);
    this.slot = new Int32Array(instance.processCount);
    initial.forEach((machine, process) => {
      this.slot[process] = at(this.processesOn, machine).push(process) - 1;
      for (let resource = 0; resource < resourceCount; resource++) {
        const index = machine * resourceCount + resource;
        this.usage[index] = at(this.usage, index) + at(instance.requirement, process * resourceCount + resource);
      }
    });
    this.held = Float64Array.from(this.usage);
    this.scarcestFirst = scarcestFirst(instance, this.usage);
    this.rules = new ServiceRules(instance);
    this.serviceMoves = new ServiceMoves(instance);
  }

  propose(random: RandomBelow): number | undefined {
    const kind = random(16);
    this.process = random(this.instance.processCount);
    this.from = at(this.machineOf, this.process);
    this.ousted = NONE;
    if (kind < 8) {
      this.to = random(this.instance.machineCount);
      if (this.to === this.from || !this.takes(this.to, this.process, NONE)) return undefined;
      return this.changeAt(this.from, NONE, this.process) + this.changeAt(this.to, this.process, NONE) + this.changeOfMoves();
    }
    if (kind < 15) {
      const ousted = random(this.instance.processCount);
      [this.ousted, this.to, this.refuge] = [ousted, at(this.machineOf, ousted), this.from];
      return this.to !== this.from && this.takes(this.to, this.process, ousted) && this.takes(this.from, ousted, this.process) ? this.changeOfRoomMade() : undefined;
    }
    this.to = random(this.instance.machineCount);
    return this.to !== this.from && this.findRoom(random) ? this.changeOfRoomMade() : undefined;
  }

  commit(): boolean {
    this.moveInRules(1);
    if (!this.rules.hold(this.process, this.from, this.to) || (this.ousted !== NONE && !this.rules.hold(this.ousted, this.to, this.refuge))) {
      this.moveInRules(-1);
      return false;
    }
    this.put(this.process, this.from, this.to);
    if (this.ousted !== NONE) this.put(this.ousted, this.to, this.refuge);
    return true;
  }

  keep(): void {
    this.best.set(this.machineOf);
  }

  /** Looks for a process whose leaving lets the other one in, and for a place for it: the machine that becomes free, else any. */
  private findRoom(random: RandomBelow): boolean {
    const there = at(this.processesOn, this.to);
    if (there.length === 0) return false;
    const start = random(there.length);
    for (let tried = 0; tried < Math.min(MOST_OUSTED_TRIED, there.length); tried++) {
      const ousted = at(there, (start + tried) % there.length);
      if (!this.takes(this.to, this.process, ousted)) continue;
      this.ousted = ousted;
      this.refuge = random(2) === 0 ? this.from : random(this.instance.machineCount);
      if (this.refuge !== this.to && this.takes(this.refuge, ousted, this.refuge === this.from ? this.process : NONE)) return true;
    }
    return false;
  }

  private changeOfRoomMade(): number {
    const { process, from, to, ousted, refuge } = this;
    const machines = this.changeAt(to, process, ousted) + (refuge === from ? this.changeAt(from, ousted, process) : this.changeAt(from, NONE, process) + this.changeAt(refuge, ousted, NONE));
    return machines + this.changeOfMoves();
  }

  /** Whether the machine can take one process when another one leaves it: no conflict, and no resource beyond its capacity. */
  private takes(machine: number, enters: number, leaves: number): boolean {
    const { resourceCount, requirement, capacity, transient, initial } = this.instance;
    const entersHome = at(initial, enters) === machine;
    const leavesHome = leaves !== NONE && at(initial, leaves) === machine;
    for (let i = 0; i < resourceCount; i++) {
      const resource = at(this.scarcestFirst, i);
      // Of a transient resource a process that comes home already holds its share, and one that leaves home goes on holding it.
      const isTransient = at(transient, resource) === 1;
      const added = isTransient && entersHome ? 0 : at(requirement, enters * resourceCount + resource);
      const freed = leaves === NONE || (isTransient && leavesHome) ? 0 : at(requirement, leaves * resourceCount + resource);
      const index = machine * resourceCount + resource;
      if (added > freed && at(this.held, index) + added - freed > at(capacity, index)) return false;
    }
    return this.rules.keepApart(enters, machine, leaves);
  }

  /** The change in load and balance cost of a machine. */
  private changeAt(machine: number, enters: number, leaves: number): number {
    const { resourceCount, safetyCapacity, loadWeight, balances, capacity } = this.instance;
    let change = 0;
    for (let resource = 0; resource < resourceCount; resource++) {
      const added = this.added(resource, enters, leaves);
      if (added === 0) continue;
      const index = machine * resourceCount + resource;
      const over = at(this.usage, index) - at(safetyCapacity, index);
      change += at(loadWeight, resource) * (positive(over + added) - positive(over));
    }
    for (const { first, second, target, weight } of balances) {
      const [indexFirst, indexSecond] = [machine * resourceCount + first, machine * resourceCount + second];
      const freeFirst = at(capacity, indexFirst) - at(this.usage, indexFirst);
      const freeSecond = at(capacity, indexSecond) - at(this.usage, indexSecond);
      const after = target * (freeFirst - this.added(first, enters, leaves)) - (freeSecond - this.added(second, enters, leaves));
      change += weight * (positive(after) - positive(target * freeFirst - freeSecond));
    }
    return change;
  }

  private added(resource: number, enters: number, leaves: number): number {
    const { resourceCount, requirement } = this.instance;
    return (enters === NONE ? 0 : at(requirement, enters * resourceCount + resource)) - (leaves === NONE ? 0 : at(requirement, leaves * resourceCount + resource));
  }

  private changeOfMoves(): number {
    const { process, from, to, ousted, refuge } = this;
    const change = this.costAway(process, to) - this.costAway(process, from) + (ousted === NONE ? 0 : this.costAway(ousted, refuge) - this.costAway(ousted, to));
    const before = this.serviceMoves.most;
    this.serviceMoves.move(process, from, to);
    if (ousted !== NONE) this.serviceMoves.move(ousted, to, refuge);
    const after = this.serviceMoves.most;
    if (ousted !== NONE) this.serviceMoves.move(ousted, refuge, to);
    this.serviceMoves.move(process, to, from);
    return change + (after - before) * this.instance.weights.serviceMove;
  }

  private costAway(process: number, machine: number): number {
    const { initial, machineCount, machineMoveCost, processMoveCost, weights } = this.instance;
    const home = at(initial, process);
    return weights.machineMove * at(machineMoveCost, home * machineCount + machine) + (machine === home ? 0 : weights.processMove * at(processMoveCost, process));
  }

  private moveInRules(sign: 1 | -1): void {
    const [from, to] = sign === 1 ? [this.from, this.to] : [this.to, this.from];
    this.rules.move(this.process, from, to);
    if (this.ousted === NONE) return;
    const [ousted, refuge] = sign === 1 ? [this.to, this.refuge] : [this.refuge, this.to];
    this.rules.move(this.ousted, ousted, refuge);
  }

  private put(process: number, from: number, to: number): void {
    const { resourceCount, requirement, transient, initial } = this.instance;
    const home = at(initial, process);
    for (let resource = 0; resource < resourceCount; resource++) {
      const load = at(requirement, process * resourceCount + resource);
      const [indexFrom, indexTo] = [from * resourceCount + resource, to * resourceCount + resource];
      this.usage[indexFrom] = at(this.usage, indexFrom) - load;
      this.usage[indexTo] = at(this.usage, indexTo) + load;
      const isTransient = at(transient, resource) === 1;
      if (!isTransient || from !== home) this.held[indexFrom] = at(this.held, indexFrom) - load;
      if (!isTransient || to !== home) this.held[indexTo] = at(this.held, indexTo) + load;
    }
    this.serviceMoves.move(process, from, to);
    this.machineOf[process] = to;
    const left = at(this.processesOn, from);
    const last = at(left, left.length - 1);
    left[at(this.slot, process)] = last;
    this.slot[last] = at(this.slot, process);
    left.pop();
    this.slot[process] = at(this.processesOn, to).push(process) - 1;
  }
}

/** Processes looked at to make room for another one. */
const MOST_OUSTED_TRIED = 8;

function scarcestFirst({ resourceCount, capacity }: Instance, usage: Float64Array): Int32Array {
  const full = Array.from({ length: resourceCount }, (_, resource) => {
    const total = (amounts: Float64Array) => amounts.reduce((sum, amount, index) => (index % resourceCount === resource ? sum + amount : sum), 0);
    return total(usage) / Math.max(1, total(capacity));
  });
  return Int32Array.from(full.keys()).sort((a, b) => at(full, b) - at(full, a) || a - b);
}

function positive(value: number): number {
  return value > 0 ? value : 0;
}
