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

export interface Comparison {
  readonly what: string;
  /** Of the rate. */
  readonly unit: string;
  /** A piece of work: its processor time is told too, which depends less on who else is at work on this machine. */
  readonly piece: string;
  readonly peer: string;
  /** The smallest ratio of our rate to the peer's that will do. */
  readonly limit: number;
  readonly ours: Side;
  readonly theirs: Side;
}

const ROUNDS = 9;

/**
 * Prints median rates and the median, smallest and largest ratio of a round; then the same of processor time, where less is
 * better. False when the median ratio of the rates is under its limit.
 */
export async function compare({ what, unit, piece, peer, limit, ours, theirs }: Comparison, rounds = ROUNDS): Promise<boolean> {
  const here: Round[] = [];
  const there: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Who begins changes, so that neither always finds the caches warmed by the other.
    if (round % 2 === 0) {
      here.push(await roundOf(ours));
      there.push(await roundOf(theirs));
    } else {
      there.push(await roundOf(theirs));
      here.push(await roundOf(ours));
    }
  }
  const rates = ratiosOf(here, there, ({ rate }) => rate);
  const holds = rates.ratio >= limit;
  console.log(`${what.padEnd(44)} ${figure(rates.ours).padStart(7)} ${unit}, ${peer} ${figure(rates.theirs)}: ${rates.words}, at least ${limit.toFixed(1)}: ${verdict(holds)}`);
  const times = ratiosOf(here, there, ({ microseconds }) => microseconds);
  if (!Number.isNaN(times.ratio)) console.log(`${`  processor time for each ${piece}`.padEnd(44)} ${figure(times.ours).padStart(7)} µs, ${peer} ${figure(times.theirs)}: ${times.words}`);
  return holds;
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

function ratiosOf(here: readonly Round[], there: readonly Round[], figureOf: (round: Round) => number) {
  const [ours, theirs] = [here.map(figureOf), there.map(figureOf)];
  const ratios = ours.map((value, round) => value / (theirs[round] ?? NaN));
  const ratio = median(ratios);
  return { ours: median(ours), theirs: median(theirs), ratio, words: `${ratio.toFixed(2)} × (rounds ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})` };
}

function figure(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** One figure with a limit above it. */
export function atMost(what: string, value: number, unit: string, limit: number): boolean {
  const holds = value < limit;
  console.log(`${what.padEnd(44)} ${value.toFixed(0).padStart(7)} ${unit}, less than ${limit}: ${verdict(holds)}`);
  return holds;
}

function verdict(holds: boolean): string {
  return holds ? 'holds' : 'FALLS SHORT';
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
