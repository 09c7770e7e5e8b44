/**
 * Which of a few things to put into one place so that it is as full as possible: all subsets of two halves, sorted, one walk over both
 * (Horowitz and Sahni, *Computing Partitions with Applications to the Knapsack Problem*, 1974). Exact in its first row as long as the other
 * rows don't interfere.
 */

import { at } from './packing';

export interface SubsetQuestion {
  /** `loads[item * rows + row]`, at most `MOST_ITEMS` items. */
  readonly loads: Float64Array;
  readonly rows: number;
  /** The row to fill. */
  readonly row: number;
  /** Each row of the chosen ones must be at most this, and at least that. */
  readonly most: readonly number[];
  readonly least: readonly number[];
  /** Only sums above this are of interest. */
  readonly above: number;
}

export const MOST_ITEMS = 24;

/** Subsets as bit sets over the items, the fullest first; few, and none when nothing beats `above`. */
export function fullestSubsets(question: SubsetQuestion): number[] {
  const { loads, rows, row, most } = question;
  const count = loads.length / rows;
  const half = count >> 1;
  const left = sums(loads, rows, 0, half);
  const right = sums(loads, rows, half, count);
  const byRow = (table: Float64Array) => Array.from({ length: table.length / rows }, (_, mask) => mask).sort((a, b) => at(table, a * rows + row) - at(table, b * rows + row) || a - b);
  const [leftOrder, rightOrder] = [byRow(left), byRow(right)];
  const best: { mask: number; sum: number }[] = [];
  let bar = question.above;
  let end = rightOrder.length - 1;
  for (const leftMask of leftOrder) {
    const mine = at(left, leftMask * rows + row);
    while (end >= 0 && mine + at(right, at(rightOrder, end) * rows + row) > at(most, row)) end--;
    if (end < 0) break;
    for (let position = end, tries = 0; position >= 0 && tries < MOST_TRIES; position--, tries++) {
      const rightMask = at(rightOrder, position);
      const sum = mine + at(right, rightMask * rows + row);
      if (sum <= bar) break;
      if (!holds(question, left, leftMask, right, rightMask)) continue;
      const place = best.findIndex((other) => other.sum < sum);
      best.splice(place < 0 ? best.length : place, 0, { mask: leftMask | (rightMask << half), sum });
      if (best.length > MOST_ANSWERS) best.pop();
      if (best.length === MOST_ANSWERS) bar = best[MOST_ANSWERS - 1]?.sum ?? bar;
      break;
    }
  }
  return best.map(({ mask }) => mask);
}

/** Next best partners looked at when another row is in the way. */
const MOST_TRIES = 8;
const MOST_ANSWERS = 4;

function sums(loads: Float64Array, rows: number, from: number, to: number): Float64Array {
  const table = new Float64Array((1 << (to - from)) * rows);
  for (let item = from; item < to; item++) {
    const bit = 1 << (item - from);
    for (let mask = 0; mask < bit; mask++) {
      for (let row = 0; row < rows; row++) table[(bit | mask) * rows + row] = at(table, mask * rows + row) + at(loads, item * rows + row);
    }
  }
  return table;
}

function holds({ rows, most, least }: SubsetQuestion, left: Float64Array, leftMask: number, right: Float64Array, rightMask: number): boolean {
  for (let row = 0; row < rows; row++) {
    const sum = at(left, leftMask * rows + row) + at(right, rightMask * rows + row);
    if (sum > at(most, row) || sum < at(least, row)) return false;
  }
  return true;
}
