/** Ours against a peer, turn by turn on the same machine, so that whatever else it does falls on both. */

export interface Comparison {
  readonly what: string;
  readonly unit: string;
  readonly peer: string;
  /** The smallest ratio of ours to the peer's that will do. */
  readonly limit: number;
  readonly ours: () => Promise<number>;
  readonly theirs: () => Promise<number>;
}

const ROUNDS = 9;

/** Prints medians and the median, smallest and largest ratio of a round. False when the median ratio is under its limit. */
export async function compare({ what, unit, peer, limit, ours, theirs }: Comparison, rounds = ROUNDS): Promise<boolean> {
  const here: number[] = [];
  const there: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Who begins changes, so that neither always finds the caches warmed by the other.
    if (round % 2 === 0) {
      here.push(await ours());
      there.push(await theirs());
    } else {
      there.push(await theirs());
      here.push(await ours());
    }
  }
  const ratios = here.map((value, round) => value / (there[round] ?? NaN));
  const ratio = median(ratios);
  const holds = ratio >= limit;
  const figure = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0));
  console.log(
    `${what.padEnd(44)} ${figure(median(here)).padStart(7)} ${unit}, ${peer} ${figure(median(there))}: ` +
      `${ratio.toFixed(2)} × (rounds ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), at least ${limit.toFixed(1)}: ${verdict(holds)}`,
  );
  return holds;
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
