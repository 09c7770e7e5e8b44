/** Ours against a peer, turn by turn on the same machine, so that whatever else it does falls on both. */

import type { Daemon } from './processes';

export interface Measured {
  /** The larger the better. */
  readonly rate: number;
  /** How many pieces of work were done. */
  readonly pieces: number;
}

export interface Side {
  readonly daemon: Daemon;
  readonly measure: () => Promise<Measured>;
}

export interface Terms {
  readonly what: string;
  /** Of the rate. */
  readonly unit: string;
  /** A piece of work: its processor time is told too, which depends less on who else is at work on this machine. */
  readonly piece: string;
  readonly peer: string;
  /** The smallest ratio of our rate to the peer's that will do. */
  readonly limit: number;
}

const ROUNDS = 9;

/** Rounds of two daemons that stay the same; false when ours falls short. */
export async function compare({ ours, theirs, ...terms }: Terms & Sides, rounds = ROUNDS): Promise<boolean> {
  const comparison = new Comparison(terms);
  for (let round = 0; round < rounds; round += 1) await comparison.round({ ours, theirs });
  return comparison.tell();
}

export interface Sides {
  readonly ours: Side;
  readonly theirs: Side;
}

export class Comparison {
  readonly #terms: Terms;
  readonly #results: Result[] = [];

  constructor(terms: Terms) {
    this.#terms = terms;
  }

  /** Measures both once, and counts it. */
  async round({ ours, theirs }: Sides): Promise<Result> {
    // Who begins changes, so that neither always finds the caches warmed by the other.
    const isOursFirst = this.#results.length % 2 === 0;
    const before = isOursFirst ? await roundOf(ours) : undefined;
    const there = await roundOf(theirs);
    const result = { ours: before ?? (await roundOf(ours)), theirs: there };
    this.add(result);
    return result;
  }

  add(result: Result): void {
    this.#results.push(result);
  }

  /**
   * Prints median rates and the median, smallest and largest ratio of a round; then the same of processor time, where less is
   * better. False when the median ratio of the rates is under its limit.
   */
  tell(): boolean {
    const { what, unit, piece, peer, limit } = this.#terms;
    const rates = ratiosOf(this.#results, ({ rate }) => rate);
    const holds = rates.ratio >= limit;
    console.log(`${what.padEnd(44)} ${figure(rates.ours).padStart(7)} ${unit}, ${peer} ${figure(rates.theirs)}: ${rates.words}, at least ${limit.toFixed(1)}: ${verdict(holds)}`);
    const times = ratiosOf(this.#results, ({ microseconds }) => microseconds);
    if (!Number.isNaN(times.ratio)) console.log(`${`  processor time for each ${piece}`.padEnd(44)} ${figure(times.ours).padStart(7)} µs, ${peer} ${figure(times.theirs)}: ${times.words}`);
    return holds;
  }
}

export interface Result {
  readonly ours: Round;
  readonly theirs: Round;
}

interface Round {
  readonly rate: number;
  /** Of a piece of work; NaN where it can't be counted. */
  readonly microseconds: number;
}

async function roundOf({ daemon, measure }: Side): Promise<Round> {
  const before = daemon.processorSeconds() ?? NaN;
  const { rate, pieces } = await measure();
  return { rate, microseconds: (((daemon.processorSeconds() ?? NaN) - before) / pieces) * 1e6 };
}

function ratiosOf(results: readonly Result[], figureOf: (round: Round) => number) {
  const ours = results.map((result) => figureOf(result.ours));
  const theirs = results.map((result) => figureOf(result.theirs));
  const ratios = ours.map((value, round) => value / (theirs[round] ?? NaN));
  const ratio = median(ratios);
  return { ours: median(ours), theirs: median(theirs), ratio, words: `${ratio.toFixed(2)} × (rounds ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})` };
}

function figure(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** One figure with a limit above it. */
export function atMost(what: string, value: number, unit: string, limit: number): boolean {
  const holds = value < limit;
  console.log(`${what.padEnd(44)} ${figure(value).padStart(7)} ${unit}, less than ${limit}: ${verdict(holds)}`);
  return holds;
}

function verdict(holds: boolean): string {
  return holds ? 'holds' : 'FALLS SHORT';
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
