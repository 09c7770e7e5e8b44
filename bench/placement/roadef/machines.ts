/** What the challenge's machines hold and cost, kept up to date move by move. */

import type { Instance } from './instance';

/** Loads of machines. Resources stand in the order in which a machine is most likely to lack them, so that what doesn't fit is seen soon. */
export class Machines {
  /** A process that needs nothing and is at home nowhere: who enters when one only leaves. */
  readonly nobody: number;
  private readonly resourceCount: number;
  private readonly requirement: Float64Array;
  private readonly capacity: Float64Array;
  private readonly safetyCapacity: Float64Array;
  private readonly loadWeight: Float64Array;
  private readonly transient: Float64Array;
  private readonly home: Int32Array;
  private readonly usage: Float64Array;
  /** Usage, and what processes that have left hold of transient resources. */
  private readonly held: Float64Array;
  /** Load and balance cost of each machine. */
  private readonly cost: Float64Array;
  private readonly balances: Instance['balances'];

  constructor(instance: Instance) {
    const { resourceCount, machineCount, processCount, initial } = instance;
    const order = scarcestFirst(instance);
    const sorted = (values: ArrayLike<number>) => Float64Array.from(values, (_, index) => (values[index - (index % resourceCount) + (order[index % resourceCount] as number)] as number));
    this.nobody = processCount;
    this.resourceCount = resourceCount;
    this.requirement = new Float64Array((processCount + 1) * resourceCount);
    this.requirement.set(sorted(instance.requirement));
    this.capacity = sorted(instance.capacity);
    this.safetyCapacity = sorted(instance.safetyCapacity);
    this.loadWeight = sorted(instance.loadWeight);
    this.transient = sorted(instance.transient);
    this.home = Int32Array.from([...initial, -1]);
    this.usage = new Float64Array(machineCount * resourceCount);
    this.balances = instance.balances.map((balance) => ({ ...balance, first: order.indexOf(balance.first), second: order.indexOf(balance.second) }));
    initial.forEach((machine, process) => {
      for (let resource = 0; resource < resourceCount; resource++) {
        const index = machine * resourceCount + resource;
        this.usage[index] = (this.usage[index] as number) + (this.requirement[process * resourceCount + resource] as number);
      }
    });
    this.held = Float64Array.from(this.usage);
    this.cost = new Float64Array(machineCount);
    for (let machine = 0; machine < machineCount; machine++) this.cost[machine] = this.change(machine, this.nobody, this.nobody);
  }

  /** The change in load and balance cost of a machine when one process enters and another one leaves it; `FORBIDDEN` when it can't hold that. */
  change(machine: number, enters: number, leaves: number): number {
    const { resourceCount, requirement, usage, held, capacity, safetyCapacity, loadWeight, transient } = this;
    // Of a transient resource a process that comes home already holds its share, and one that leaves home goes on holding it.
    const entersHome = (this.home[enters] as number) === machine ? 1 : 0;
    const leavesHome = (this.home[leaves] as number) === machine ? 1 : 0;
    const [base, entering, leaving] = [machine * resourceCount, enters * resourceCount, leaves * resourceCount];
    let cost = 0;
    for (let resource = 0; resource < resourceCount; resource++) {
      const index = base + resource;
      const added = requirement[entering + resource] as number;
      const freed = requirement[leaving + resource] as number;
      const change = added - freed;
      const changeHeld = change + (transient[resource] as number) * (leavesHome * freed - entersHome * added);
      if (changeHeld > 0 && (held[index] as number) + changeHeld > (capacity[index] as number)) return FORBIDDEN;
      const over = (usage[index] as number) + change - (safetyCapacity[index] as number);
      if (over > 0) cost += (loadWeight[resource] as number) * over;
    }
    for (const { first, second, target, weight } of this.balances) {
      const freeFirst = (capacity[base + first] as number) - (usage[base + first] as number) - (requirement[entering + first] as number) + (requirement[leaving + first] as number);
      const freeSecond = (capacity[base + second] as number) - (usage[base + second] as number) - (requirement[entering + second] as number) + (requirement[leaving + second] as number);
      const lacking = target * freeFirst - freeSecond;
      if (lacking > 0) cost += weight * lacking;
    }
    return cost - (this.cost[machine] as number);
  }

  /** Load and balance cost. */
  costOf(machine: number): number {
    return this.cost[machine] as number;
  }

  /** Whether a machine that holds nothing else can hold the process. */
  fitsAlone(process: number, machine: number): boolean {
    const { resourceCount, requirement, capacity } = this;
    for (let resource = 0; resource < resourceCount; resource++) {
      if ((requirement[process * resourceCount + resource] as number) > (capacity[machine * resourceCount + resource] as number)) return false;
    }
    return true;
  }

  /** Takes the process in, whether or not there is room for it. Returns the change in cost. */
  enter(process: number, machine: number): number {
    return this.add(process, machine, 1);
  }

  /** Lets the process go. Returns the change in cost. */
  leave(process: number, machine: number): number {
    return this.add(process, machine, -1);
  }

  /** Processes by the largest share of what machines have on average that they need of any resource. */
  largestFirst(): Int32Array {
    const { resourceCount, nobody, requirement } = this;
    const offered = new Float64Array(resourceCount);
    this.capacity.forEach((amount, index) => (offered[index % resourceCount] = (offered[index % resourceCount] as number) + amount));
    const sizes = Float64Array.from({ length: nobody }, (_, process) => offered.reduce((most, amount, resource) => Math.max(most, (requirement[process * resourceCount + resource] as number) / Math.max(1, amount)), 0));
    return Int32Array.from(sizes.keys()).sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b);
  }

  private add(process: number, machine: number, sign: 1 | -1): number {
    const { resourceCount, requirement, usage, held, transient } = this;
    const isHome = this.home[process] === machine;
    for (let resource = 0; resource < resourceCount; resource++) {
      const load = sign * (requirement[process * resourceCount + resource] as number);
      const index = machine * resourceCount + resource;
      usage[index] = (usage[index] as number) + load;
      if (!isHome || transient[resource] === 0) held[index] = (held[index] as number) + load;
    }
    const change = this.change(machine, this.nobody, this.nobody);
    this.cost[machine] = (this.cost[machine] as number) + change;
    return change;
  }
}

/** What `Machines.change` says of a change that doesn't fit. */
export const FORBIDDEN = Infinity;

function scarcestFirst({ resourceCount, capacity, requirement }: Instance): number[] {
  const total = (amounts: Float64Array, resource: number) => amounts.reduce((sum, amount, index) => (index % resourceCount === resource ? sum + amount : sum), 0);
  const full = Array.from({ length: resourceCount }, (_, resource) => total(requirement, resource) / Math.max(1, total(capacity, resource)));
  return [...full.keys()].sort((a, b) => (full[b] as number) - (full[a] as number) || a - b);
}
