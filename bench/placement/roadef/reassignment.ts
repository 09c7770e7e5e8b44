/**
 * The challenge's problem as a landscape for the product's annealing. A change takes one process to another machine; where it doesn't fit, another one makes
 * room, and goes to the first's machine (a swap) or to a third one (a chain), or as many as must go leave for wherever they cost least: without that, a
 * process that fills half a machine would never go anywhere. The change in cost is worked out from the machines it touches.
 */

import type { Landscape, RandomBelow } from '../../../src/backend/placement/search/anneal';
import type { Instance } from './instance';
import { FORBIDDEN, Machines } from './machines';
import { ServiceMoves, ServiceRules } from './services';

export class Reassignment implements Landscape {
  readonly best: Int32Array;
  readonly isDone = false;
  private readonly machineOf: Int32Array;
  private readonly machines: Machines;
  private readonly rules: ServiceRules;
  private readonly serviceMoves: ServiceMoves;
  private readonly nobody: number;
  private readonly largestFirst: Int32Array;
  /** Processes on each machine, and where each stands in its list. */
  private readonly processesOn: readonly number[][];
  private readonly slot: Int32Array;
  /** The change proposed last: so many processes, and where each comes from and goes to. */
  private count = 0;
  private readonly process = new Int32Array(1 + MOST_EVICTED);
  private readonly from = new Int32Array(1 + MOST_EVICTED);
  private readonly to = new Int32Array(1 + MOST_EVICTED);

  constructor(private readonly instance: Instance) {
    const { initial, machineCount, processCount } = instance;
    this.machineOf = Int32Array.from(initial);
    this.best = Int32Array.from(initial);
    this.machines = new Machines(instance);
    this.rules = new ServiceRules(instance);
    this.serviceMoves = new ServiceMoves(instance);
    this.nobody = this.machines.nobody;
    this.largestFirst = this.machines.largestFirst();
    this.processesOn = Array.from({ length: machineCount }, () => []);
    this.slot = new Int32Array(processCount);
    initial.forEach((machine, process) => {
      this.slot[process] = (this.processesOn[machine] as number[]).push(process) - 1;
    });
  }

  propose(random: RandomBelow): number | undefined {
    const { machineCount, processCount } = this.instance;
    const kind = random(OF_ALL);
    if (kind >= CHAINS) return this.evict(this.costly(random), random(machineCount), random);
    const process = random(processCount);
    if (kind < SHIFTS) return this.shift(process, random(machineCount));
    if (kind < SWAPS) return this.swap(process, random(processCount));
    return this.chain(process, random(machineCount), random);
  }

  commit(): boolean {
    const { count, process, from, to, rules } = this;
    for (let i = 0; i < count; i++) rules.move(process[i] as number, from[i] as number, to[i] as number);
    for (let i = 0; i < count; i++) {
      if (rules.hold(process[i] as number, from[i] as number, to[i] as number)) continue;
      for (let j = 0; j < count; j++) rules.move(process[j] as number, to[j] as number, from[j] as number);
      return false;
    }
    for (let i = 0; i < count; i++) this.put(process[i] as number, from[i] as number, to[i] as number);
    return true;
  }

  keep(): void {
    this.best.set(this.machineOf);
  }

  private shift(process: number, to: number): number | undefined {
    const { machines, rules, nobody } = this;
    const from = this.machineOf[process] as number;
    if (to === from || !rules.keepApart(process, to, nobody)) return undefined;
    const there = machines.change(to, process, nobody);
    if (there === FORBIDDEN) return undefined;
    this.begin(process, from, to);
    return there + machines.change(from, nobody, process) + this.changeOfMoves();
  }

  private swap(process: number, other: number): number | undefined {
    const { machines, rules } = this;
    const [from, to] = [this.machineOf[process] as number, this.machineOf[other] as number];
    if (to === from) return undefined;
    const there = machines.change(to, process, other);
    if (there === FORBIDDEN) return undefined;
    const here = machines.change(from, other, process);
    if (here === FORBIDDEN || !rules.keepApart(process, to, other) || !rules.keepApart(other, from, process)) return undefined;
    this.begin(process, from, to);
    this.add(other, to, from);
    return there + here + this.changeOfMoves();
  }

  /** Looks for a process whose leaving lets the other one in, and for a third machine that takes it. */
  private chain(process: number, to: number, random: RandomBelow): number | undefined {
    const { machines, rules, nobody } = this;
    const from = this.machineOf[process] as number;
    const there = this.processesOn[to] as number[];
    if (to === from || there.length === 0) return undefined;
    const start = random(there.length);
    const tries = Math.min(MOST_OUSTED_TRIED, there.length);
    for (let tried = 0; tried < tries; tried++) {
      const ousted = there[(start + tried) % there.length] as number;
      const change = machines.change(to, process, ousted);
      if (change === FORBIDDEN || !rules.keepApart(process, to, ousted)) continue;
      const refuge = random(this.instance.machineCount);
      if (refuge === to || refuge === from || !rules.keepApart(ousted, refuge, nobody)) continue;
      const third = machines.change(refuge, ousted, nobody);
      if (third === FORBIDDEN) continue;
      this.begin(process, from, to);
      this.add(ousted, to, refuge);
      return change + third + machines.change(from, nobody, process) + this.changeOfMoves();
    }
    return undefined;
  }

  /** Lets processes leave a machine until the one given fits, and each of them go to the cheapest of some machines. Tried out, then undone. */
  private evict(process: number, to: number, random: RandomBelow): number | undefined {
    const { machines, rules, nobody } = this;
    const from = this.machineOf[process] as number;
    const there = this.processesOn[to] as number[];
    if (to === from || !machines.fitsAlone(process, to) || !rules.keepApart(process, to, nobody)) return undefined;
    const start = random(Math.max(1, there.length));
    this.begin(process, from, to);
    let change = machines.leave(process, from);
    while (machines.change(to, process, nobody) === FORBIDDEN && this.count <= Math.min(MOST_EVICTED, there.length)) {
      const evicted = there[(start + this.count) % there.length] as number;
      change += machines.leave(evicted, to);
      this.add(evicted, to, to);
    }
    let settled = 0;
    if (machines.change(to, process, nobody) !== FORBIDDEN) {
      change += machines.enter(process, to);
      for (settled = 1; settled < this.count; settled++) {
        const refuge = this.cheapestFor(this.process[settled] as number, to, random);
        if (refuge === to) break;
        change += machines.enter(this.process[settled] as number, refuge);
        this.to[settled] = refuge;
      }
    }
    for (let i = 0; i < this.count; i++) {
      if (i < settled) machines.leave(this.process[i] as number, this.to[i] as number);
      machines.enter(this.process[i] as number, this.from[i] as number);
    }
    return settled === this.count ? change + this.changeOfMoves() : undefined;
  }

  /** A process, more likely a large one, and on a machine that costs much. */
  private costly(random: RandomBelow): number {
    let chosen = this.nobody;
    for (let i = 0; i < COSTLY_LOOKED_AT; i++) {
      const process = this.largestFirst[random(1 + random(this.instance.processCount))] as number;
      if (chosen === this.nobody || this.machines.costOf(this.machineOf[process] as number) > this.machines.costOf(this.machineOf[chosen] as number)) chosen = process;
    }
    return chosen;
  }

  /** The machine it left, when none of those looked at takes it. */
  private cheapestFor(process: number, left: number, random: RandomBelow): number {
    const { machines, rules, nobody } = this;
    let [best, cheapest] = [left, FORBIDDEN];
    for (let i = 0; i < REFUGES_TRIED; i++) {
      const machine = random(this.instance.machineCount);
      if (machine === left || !rules.keepApart(process, machine, nobody)) continue;
      const change = machines.change(machine, process, nobody);
      if (change < cheapest) [best, cheapest] = [machine, change];
    }
    return best;
  }

  private begin(process: number, from: number, to: number): void {
    this.count = 0;
    this.add(process, from, to);
  }

  private add(process: number, from: number, to: number): void {
    this.process[this.count] = process;
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.count++;
  }

  private changeOfMoves(): number {
    const { count, process, from, to, serviceMoves } = this;
    const before = serviceMoves.most;
    let change = 0;
    for (let i = 0; i < count; i++) {
      change += this.costAway(process[i] as number, to[i] as number) - this.costAway(process[i] as number, from[i] as number);
      serviceMoves.move(process[i] as number, from[i] as number, to[i] as number);
    }
    const after = serviceMoves.most;
    for (let i = 0; i < count; i++) serviceMoves.move(process[i] as number, to[i] as number, from[i] as number);
    return change + (after - before) * this.instance.weights.serviceMove;
  }

  private costAway(process: number, machine: number): number {
    const { initial, machineCount, machineMoveCost, processMoveCost, weights } = this.instance;
    const home = initial[process] as number;
    return weights.machineMove * (machineMoveCost[home * machineCount + machine] as number) + (machine === home ? 0 : weights.processMove * (processMoveCost[process] as number));
  }

  private put(process: number, from: number, to: number): void {
    this.machines.leave(process, from);
    this.machines.enter(process, to);
    this.serviceMoves.move(process, from, to);
    this.machineOf[process] = to;
    const left = this.processesOn[from] as number[];
    const last = left[left.length - 1] as number;
    left[this.slot[process] as number] = last;
    this.slot[last] = this.slot[process] as number;
    left.pop();
    this.slot[process] = (this.processesOn[to] as number[]).push(process) - 1;
  }
}

/** Of so many changes proposed, the first are shifts, then swaps up to here, then chains; the others evict. */
const [SHIFTS, SWAPS, CHAINS, OF_ALL] = [6, 16, 20, 32];

/** Processes looked at to make room for another one in a chain. */
const MOST_OUSTED_TRIED = 8;
/** Processes that leave a machine for one that enters, and machines looked at for each. */
const MOST_EVICTED = 15;
const REFUGES_TRIED = 40;
const COSTLY_LOOKED_AT = 2;
