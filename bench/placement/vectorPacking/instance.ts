/**
 * Vector bin packing as the Vectorpack project writes it (`*.vbp`): the number of dimensions, the size of a bin in each, the number of kinds of items,
 * and for each kind its sizes and how many there are; whole numbers separated by white space.
 */

import type { Problem } from '../../../src/backend/placement/problem';

export interface Packing {
  readonly bin: readonly number[];
  readonly items: readonly (readonly number[])[];
}

/** Throws when the text isn't such a file. */
export function readVectorPacking(text: string): Packing {
  const words = text.split(/\s+/).filter((word) => word !== '');
  let position = 0;
  const next = () => {
    const value = Number(words[position++]);
    if (!Number.isInteger(value)) throw new Error(`Number ${position} should be a whole number, but is ${words[position - 1] ?? 'missing'}.`);
    return value;
  };
  const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read);
  const dimensions = next();
  const bin = times(dimensions, next);
  const kinds = times(next(), () => ({ sizes: times(dimensions, next), count: next() }));
  if (position < words.length) throw new Error(`After ${position} numbers the file should end.`);
  return { bin, items: kinds.flatMap(({ sizes, count }) => times(count, () => sizes)) };
}

/** Hosts are bins, the dimensions their rows; the goal is the fewest hosts in use. */
export function problemOf({ bin, items }: Packing, hostCount: number): Problem {
  const vmCount = items.length;
  const none = () => new Int32Array(vmCount).fill(-1);
  const everywhere = new Uint8Array(hostCount).fill(1);
  return {
    hostCount,
    volumeCount: 0,
    vmCount,
    diskCount: 0,
    hostRows: bin.length,
    hostCapacity: Float64Array.from({ length: hostCount * bin.length }, (_, index) => bin[index % bin.length] ?? 0),
    volumeRows: 0,
    volumeCapacity: new Float64Array(),
    volumeRowLasting: [],
    hostRowBalanced: bin.map(() => true),
    volumeRowBalanced: [],
    volumeHost: new Int32Array(),
    volumeUsable: new Uint8Array(),
    hostVolumes: Array.from({ length: hostCount }, () => new Int32Array()),
    hostAvailable: everywhere,
    vmLoad: Float64Array.from(items.flat()),
    vmLevel: new Int32Array(vmCount),
    vmAllowed: items.map(() => everywhere),
    vmAllowedAnew: items.map(() => everywhere),
    vmDisks: items.map(() => new Int32Array()),
    vmApart: items.map(() => new Int32Array()),
    vmTogether: none(),
    vmPreviousHost: none(),
    vmFixedHost: none(),
    vmRunningHost: none(),
    vmMoveBytes: new Float64Array(vmCount),
    diskVm: new Int32Array(),
    diskLoad: new Float64Array(),
    diskHome: new Int32Array(),
    diskVolume: new Int32Array(),
    diskMoveBytes: new Float64Array(),
    diskIgnored: new Uint8Array(),
    maxMoves: Infinity,
    survive: 0,
    goal: 'consolidate',
  };
}

/** A tenth more bins than first-fit-decreasing by the sum of the sizes takes: enough hosts for any sensible first placement. */
export function enoughBins({ bin, items }: Packing): number {
  const share = (sizes: readonly number[]) => sizes.reduce((sum, size, dimension) => sum + size / Math.max(1, bin[dimension] ?? 0), 0);
  const free: number[][] = [];
  for (const sizes of [...items].sort((a, b) => share(b) - share(a))) {
    const open = free.find((rest) => sizes.every((size, dimension) => size <= (rest[dimension] ?? 0)));
    const rest = open ?? [...bin];
    if (open === undefined) free.push(rest);
    sizes.forEach((size, dimension) => (rest[dimension] = (rest[dimension] ?? 0) - size));
  }
  return Math.ceil(free.length * 1.1) + 1;
}
