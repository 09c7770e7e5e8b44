/**
 * Certificates that a program has no solution (Farkas, *Theorie der einfachen Ungleichungen*, 1902): the rows, each times its multiplier, add up to one that
 * no point within the columns' bounds meets. Solvers find multipliers with tolerances; here they are whole numbers, and the sum is exact.
 */

import { at } from '../packing';
import type { Held, Requirement } from '../requirements';
import type { MixedIntegerProgram } from './program';
import type { RequirementProgram } from './requirementProgram';

/** A row's multiplier: positive for its lower bound, negative for its upper one. */
type Multipliers = readonly bigint[];

/**
 * By how much the sum of the rows exceeds what the columns can come to: above zero, the program has no solution. Columns lie between 0 and their finite
 * upper bound; all numbers of the program are whole.
 */
export function excess({ rowLower, rowUpper, rowStart, columnIndex, columnUpper, value }: MixedIntegerProgram, multipliers: Multipliers): bigint {
  const sums = new Map<number, bigint>();
  let needed = 0n;
  for (let row = 0; row < rowLower.length; row++) {
    const times = at(multipliers, row);
    if (times === 0n) continue;
    const bound = times > 0n ? at(rowLower, row) : at(rowUpper, row);
    // A multiplier for a side that bounds nothing says nothing.
    if (!Number.isFinite(bound)) return -1n;
    needed += times * BigInt(bound);
    for (let entry = at(rowStart, row); entry < at(rowStart, row + 1); entry++) {
      const column = at(columnIndex, entry);
      sums.set(column, (sums.get(column) ?? 0n) + times * BigInt(at(value, entry)));
    }
  }
  let most = 0n;
  for (const [column, sum] of sums) if (sum > 0n) most += sum * BigInt(at(columnUpper, column));
  return needed - most;
}

export interface Certificate {
  readonly multipliers: Multipliers;
  /** By how much it proves what it proves. */
  readonly over: bigint;
  /** By how much less without this VM, one of those beside the left-out one. */
  readonly prices: ReadonlyMap<number, bigint>;
}

/** Undefined when what was found proves nothing. */
export function certificateOf({ program, standings }: RequirementProgram, found: ArrayLike<number>): Certificate | undefined {
  const multipliers = whole(program, found);
  const over = excess(program, multipliers);
  if (over <= 0n) return undefined;
  // Without the VM its row asks for one less, and its columns can come to no more than before.
  const prices = standings.flatMap((standing, row) => (standing !== undefined && 'others' in standing ? standing.others.map((vm) => [vm, at(multipliers, row)] as const) : []));
  return { multipliers, over, prices: new Map(prices) };
}

/**
 * What is left of the requirements when all goes that the certificate doesn't need: of the other VMs as many as what is over allows, those that wait first
 * and then the cheapest, and what of the VM's own has no part in it.
 */
export function neededFor({ program, standings }: RequirementProgram, certificate: Certificate, held: Held, waits: (vm: number) => boolean): Held {
  let { multipliers, over } = certificate;
  const spared = new Set<number>();
  const rank = (vm: number) => (waits(vm) ? 0 : 1);
  for (const [vm, price] of [...certificate.prices].sort(([a, priceA], [b, priceB]) => rank(a) - rank(b) || compare(priceA, priceB) || b - a)) {
    if (price >= over) continue;
    over -= price;
    spared.add(vm);
  }
  let sum = certificate.over;
  const own = held.own.filter((requirement) => {
    const without = multipliers.map((times, row) => (standsFor(requirement, standings[row]) ? 0n : times));
    const rest = excess(program, without);
    if (sum - rest >= over) return true;
    over -= sum - rest;
    sum = rest;
    multipliers = without;
    return false;
  });
  return { own, others: held.others.filter((other) => !spared.has(other)) };
}

/** Of the VMs as many as the certificate has nothing to say against when the others of them are gone, the dearest first: little room is left then. */
export function bearable({ over, prices }: Certificate, vms: readonly number[]): number[] {
  const price = (vm: number) => prices.get(vm) ?? 0n;
  let room = vms.reduce((sum, vm) => sum + price(vm), 0n) - over;
  const kept = [...vms].sort((a, b) => compare(price(b), price(a)) || a - b).filter((vm) => {
    if (price(vm) > room) return false;
    room -= price(vm);
    return true;
  });
  return kept.sort((a, b) => a - b);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function standsFor(requirement: Requirement, standing: RequirementProgram['standings'][number]): boolean {
  return standing !== undefined && 'own' in standing && standing.own === requirement;
}

/** Whole numbers in the proportion of what was found; the solver's noise is none of them. */
function whole({ rowLower, rowUpper }: MixedIntegerProgram, found: ArrayLike<number>): Multipliers {
  let largest = 0;
  for (let row = 0; row < found.length; row++) largest = Math.max(largest, Math.abs(at(found, row)));
  const scale = largest > 0 && Number.isFinite(largest) ? FINEST / largest : 0;
  return Array.from({ length: rowLower.length }, (_, row) => {
    const times = Math.round(at(found, row) * scale);
    const isBound = Number.isFinite(times > 0 ? at(rowLower, row) : at(rowUpper, row));
    return Math.abs(times) > NOISE && isBound ? BigInt(times) : 0n;
  });
}

const FINEST = 2 ** 50;
const NOISE = 2 ** 14;
