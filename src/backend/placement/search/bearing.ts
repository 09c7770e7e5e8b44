/**
 * Simulated annealing over who would be lost when hosts fail: moves and swaps that keep everybody placed. For pools of tens of hosts, because every
 * failure is looked at after every change.
 */

import { at, type Packing } from '../packing';
import { vmSizes } from '../order';
import { FULL_LOAD, type Solution } from '../problem';
import type { FailureCheck } from '../survive';
import { Trial } from '../trial';
import type { Landscape, RandomBelow } from './anneal';

/** One VM lost weighs as much as several pools' worth of bulk: bulk only tells apart what loses equally many. */
export const LOSS = 4 * FULL_LOAD;

interface Change {
  readonly unit: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly back: readonly number[];
}

export class Bearing implements Landscape {
  private cost: number;
  private lost: number;
  private proposed: { readonly change: Change; readonly cost: number; readonly lost: number } | undefined;
  private best: Solution;
  private readonly sizes: Float64Array;

  /** `least`: the fewest losses there can be, with which the walk ends. */
  constructor(
    private readonly packing: Packing,
    private readonly options: { readonly units: readonly (readonly number[])[]; readonly check: FailureCheck; readonly least: number; readonly shouldStop: () => boolean },
  ) {
    this.sizes = vmSizes(packing.problem);
    this.best = packing.solution();
    const { cost, lost } = this.weigh();
    [this.cost, this.lost] = [cost, lost];
  }

  get isDone(): boolean {
    return this.lost <= this.options.least || this.options.shouldStop();
  }

  /** The best state that was kept. */
  result(): Solution {
    return this.best;
  }

  keep(): void {
    this.best = this.packing.solution();
  }

  propose(random: RandomBelow): number | undefined {
    this.proposed = undefined;
    const change = this.think(random);
    if (change === undefined) return undefined;
    const trial = new Trial(this.packing);
    const possible = this.make(trial, change);
    const weight = possible ? this.weigh() : undefined;
    trial.rollBack();
    if (weight === undefined) return undefined;
    this.proposed = { change, ...weight };
    return weight.cost - this.cost;
  }

  commit(): boolean {
    if (this.proposed === undefined || !this.make(new Trial(this.packing), this.proposed.change)) return false;
    [this.cost, this.lost] = [this.proposed.cost, this.proposed.lost];
    return true;
  }

  private think(random: RandomBelow): Change | undefined {
    const { problem, vmHost } = this.packing;
    const unit = this.movable(random(problem.vmCount));
    const to = random(problem.hostCount);
    const from = unit[0] === undefined ? -1 : at(vmHost, unit[0]);
    if (from < 0 || from === to) return undefined;
    const there = at(this.packing.hostVms, to);
    const back = random(3) > 0 && there.length > 0 ? this.movable(at(there, random(there.length))) : [];
    return { unit, from, to, back };
  }

  /** Who runs of the VM's unit; nobody when one of them is fixed. */
  private movable(vm: number): readonly number[] {
    const unit = at(this.options.units, vm).filter((member) => at(this.packing.vmHost, member) >= 0);
    return unit.some((member) => this.packing.isFixed(member)) ? [] : unit;
  }

  private make(trial: Trial, { unit, from, to, back }: Change): boolean {
    for (const vm of [...unit, ...back]) trial.remove(vm);
    return unit.every((vm) => trial.tryAdd(vm, to)) && back.every((vm) => trial.tryAdd(vm, from));
  }

  private weigh(): { readonly cost: number; readonly lost: number } {
    const { count, bulk } = this.options.check.weightOf(this.packing.solution(), this.sizes);
    return { cost: count * LOSS + bulk, lost: count };
  }
}
