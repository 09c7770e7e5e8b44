/**
 * A bound from what one host can hold as a whole (Gilmore and Gomory, *A Linear Programming Approach to the Cutting-Stock Problem*, 1961): hosts choose
 * among patterns, sets of VMs that fit into one host, so that every VM is in one. Sums over all hosts don't see that VMs can't be cut to fill each host to
 * the brim; patterns do. It looks at one row of hosts that are all alike.
 */

import { at } from '../packing';
import type { LinearSolver } from './program';

export interface PatternQuestion {
  /** Kinds of VMs: what one takes, and how many there are. */
  readonly kinds: readonly { readonly load: number; readonly count: number }[];
  /**
   * What hosts may hold, falling. A host counts when it holds more than the last of these, or at all when there is only one; of those that hold more than
   * group i + 1 there may be at most `reach[i]`.
   */
  readonly groups: readonly number[];
  readonly reach: readonly number[];
  readonly hosts: number;
  /** What each host holds in the best solution known: numbers of each kind. */
  readonly known: readonly (readonly number[])[];
  /** Fewer than this is impossible anyway, and this many are reached: what is asked is whether fewer than `reached` do. */
  readonly least: number;
  readonly reached: number;
  readonly shouldStop: () => boolean;
}

const MOST_ROUNDS = 500;
/** Steps of one knapsack. */
const MOST_STEPS = 20_000_000;
const MOST_CAPACITY = 200_000;
/** What floating point may be off by. */
const SLACK = 1e-6;

/** A proven least number of hosts that count. */
export function fewestByPatterns(question: PatternQuestion, solver: LinearSolver): number {
  const { kinds, groups, reach, hosts, known, least, reached } = question;
  const knapsack = new Knapsack(kinds, at(groups, 0));
  if (reached <= least || at(groups, 0) > MOST_CAPACITY || knapsack.steps > MOST_STEPS) return least;
  const counts = (group: number) => Number(groups.length === 1 || group < groups.length - 1);
  const rows = [...kinds.map(({ count }) => ({ lower: count, upper: Infinity })), ...reach.map((upper) => ({ lower: -Infinity, upper })), { lower: -Infinity, upper: hosts }];
  const limited = (duals: Float64Array, group: number) => sum(reach.map((_, limit) => (group <= limit ? at(duals, kinds.length + limit) : 0))) + at(duals, kinds.length + reach.length);
  const total = (duals: Float64Array) => sum(kinds.map(({ count }, kind) => count * at(duals, kind))) + sum(reach.map((most, limit) => most * at(duals, kinds.length + limit))) + hosts * at(duals, kinds.length + reach.length);
  let bound = least;
  solver.generate(rows, (master) => {
    const add = (group: number, pattern: readonly number[]) => {
      const entries = pattern.flatMap((amount, kind) => (amount > 0 ? [[kind, amount] as const] : []));
      const limits = reach.flatMap((_, index) => (group <= index ? [[kinds.length + index, 1] as const] : []));
      master.column(counts(group), [...entries, ...limits, [kinds.length + reach.length, 1]]);
    };
    for (const pattern of known) {
      const held = pattern.reduce((sum, amount, kind) => sum + amount * at(kinds, kind).load, 0);
      add(groups.findLastIndex((group) => held <= group), pattern);
    }
    let [center, highest] = [undefined as Float64Array | undefined, -Infinity];
    for (let round = 0; round < MOST_ROUNDS && !question.shouldStop(); round++) {
      const { objective, duals } = master.solve();
      if (objective <= bound + SLACK) return;
      // Prices jump about from round to round; those between the new ones and the best so far lead to useful patterns sooner (Wentges, 1997).
      const between = center;
      const trials = between === undefined ? [duals] : [duals.map((dual, row) => (dual + at(between, row)) / 2), duals];
      const isNew = trials.some((prices) => {
        knapsack.fill(prices);
        const lowest = Math.min(0, ...groups.map((group, index) => counts(index) - knapsack.value(group) - limited(prices, index)));
        const value = total(prices) + hosts * lowest;
        if (value > highest) [center, highest] = [prices, value];
        bound = Math.max(bound, Math.ceil(value - SLACK));
        const useful = groups.flatMap((group, index) => {
          const pattern = knapsack.best(group);
          const reduced = counts(index) - sum(pattern.map((amount, kind) => amount * at(duals, kind))) - limited(duals, index);
          return reduced < -SLACK ? [{ index, pattern }] : [];
        });
        for (const { index, pattern } of useful) add(index, pattern);
        return useful.length > 0 || bound >= reached;
      });
      if (bound >= reached) return;
      if (!isNew) return;
    }
  });
  return Math.max(least, Math.min(bound, reached));
}

/** Fills one host with the most valuable VMs: by dynamic programming over what it can hold. */
class Knapsack {
  private readonly parts: readonly { readonly kind: number; readonly amount: number; readonly load: number }[];
  private readonly worth: Float64Array;
  private readonly taken: Uint8Array;

  constructor(
    kinds: PatternQuestion['kinds'],
    private readonly capacity: number,
  ) {
    // Many of a kind in parts of one, two, four…: every number of them is a sum of parts.
    this.parts = kinds.flatMap(({ load, count }, kind) => {
      const most = Math.min(count, Math.floor(capacity / Math.max(1, load)));
      const amounts: number[] = [];
      for (let left = most, amount = 1; left > 0; left -= amounts.at(-1) ?? left, amount *= 2) amounts.push(Math.min(amount, left));
      return amounts.map((amount) => ({ kind, amount, load: load * amount }));
    });
    const isPossible = this.steps <= MOST_STEPS && capacity <= MOST_CAPACITY;
    this.worth = new Float64Array(isPossible ? capacity + 1 : 0);
    this.taken = new Uint8Array(isPossible ? this.steps : 0);
    this.kinds = kinds.length;
  }

  private readonly kinds: number;

  get steps(): number {
    return this.parts.length * (this.capacity + 1);
  }

  /** `worth[kind]`: what one of the kind is worth. */
  fill(worth: ArrayLike<number>): void {
    const best = this.worth.fill(0);
    this.taken.fill(0);
    this.parts.forEach(({ kind, amount, load }, part) => {
      const value = amount * at(worth, kind);
      if (value <= 0) return;
      const row = part * (this.capacity + 1);
      for (let room = this.capacity; room >= load; room--) {
        const other = at(best, room - load) + value;
        if (other <= at(best, room)) continue;
        best[room] = other;
        this.taken[row + room] = 1;
      }
    });
  }

  value(capacity: number): number {
    return at(this.worth, capacity);
  }

  best(capacity: number): number[] {
    const pattern = new Array<number>(this.kinds).fill(0);
    let room = capacity;
    for (let part = this.parts.length - 1; part >= 0; part--) {
      if (at(this.taken, part * (this.capacity + 1) + room) === 0) continue;
      const { kind, amount, load } = at(this.parts, part);
      pattern[kind] = at(pattern, kind) + amount;
      room -= load;
    }
    return pattern;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
