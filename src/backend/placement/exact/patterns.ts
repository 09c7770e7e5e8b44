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
    let [center, highest] = [proportional(question), -Infinity];
    for (let round = 0; round < MOST_ROUNDS && !question.shouldStop(); round++) {
      const { objective, duals } = master.solve();
      if (objective <= bound + SLACK) return;
      const between = center;
      const isNew = (round === 0 ? [1, ...TRUST] : TRUST).some((trust) => {
        const prices = duals.map((dual, row) => dual + trust * (at(between, row) - dual));
        knapsack.fill(prices);
        const lowest = Math.min(0, ...groups.map((group, index) => counts(index) - knapsack.value(group) - limited(prices, index)));
        const value = total(prices) + hosts * lowest;
        if (value > highest) [center, highest] = [prices, value];
        bound = Math.max(bound, Math.ceil(value - SLACK));
        if (bound >= reached) return true;
        const reduced = (pattern: readonly number[], index: number) => counts(index) - sum(pattern.map((amount, kind) => amount * at(duals, kind))) - limited(duals, index);
        const useful = groups.flatMap((group, index) => knapsack.good(group).filter((pattern) => reduced(pattern, index) < -SLACK).map((pattern) => ({ index, pattern })));
        for (const { index, pattern } of useful) add(index, pattern);
        return useful.length > 0;
      });
      if (bound >= reached || !isNew) return;
    }
  });
  return Math.max(least, Math.min(bound, reached));
}

/**
 * How far from the master's prices towards the best so far patterns are looked for: the master's jump about from round to round, and those between
 * lead to useful patterns sooner (Wentges, *Weighted Dantzig–Wolfe Decomposition for Linear Mixed-Integer Programming*, 1997).
 */
const TRUST = [0.8, 0.4, 0];

/** Prices in proportion to what the VMs take: they prove what the sums do, and the search starts from there. */
function proportional({ kinds, groups, reach }: PatternQuestion): Float64Array {
  const last = groups.length === 1 ? 0 : at(groups, groups.length - 1);
  const unit = Math.max(1, at(groups, Math.max(0, groups.length - 2)) - last);
  return Float64Array.from([...kinds.map(({ load }) => load / unit), ...reach.map((_, limit) => (at(groups, limit + 1) - at(groups, limit)) / unit), -last / unit]);
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
    const { worth: best, taken, capacity } = this;
    best.fill(0);
    taken.fill(0);
    this.parts.forEach(({ kind, amount, load }, part) => {
      const value = amount * at(worth, kind);
      if (value <= 0) return;
      const row = part * (capacity + 1);
      for (let room = capacity; room >= load; room--) {
        const other = (best[room - load] ?? 0) + value;
        if (other <= (best[room] ?? 0)) continue;
        best[room] = other;
        taken[row + room] = 1;
      }
    });
  }

  /** The best patterns of the first parts, of the first but the last, and so on: others than the best are of use as well. */
  good(capacity: number): number[][] {
    const patterns = new Map<string, number[]>();
    for (let parts = this.parts.length; parts > 0; parts--) {
      const pattern = this.best(capacity, parts);
      patterns.set(pattern.join(' '), pattern);
    }
    return [...patterns.values()];
  }

  value(capacity: number): number {
    return at(this.worth, capacity);
  }

  private best(capacity: number, parts: number): number[] {
    const pattern = new Array<number>(this.kinds).fill(0);
    let room = capacity;
    for (let part = parts - 1; part >= 0; part--) {
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
