/** The levels a placement is judged by, measured on the narrow problem; `docs/placement.md` gives the equations. */

import { levelCount } from './bounds';
import { at, Packing } from './packing';
import { loadSteps, type Problem, type Solution } from './problem';

export interface Measures {
  /** VMs left out, by level. */
  readonly out: readonly number[];
  /** Bytes of disks that lie elsewhere afterwards. */
  readonly bytesMoved: number;
  /** Hundredths, rounded up. */
  readonly maxLoad: number;
  readonly hostsUsed: number;
  /** VMs that aren't where they were put last time. */
  readonly moves: number;
}

export function measure(problem: Problem, solution: Solution): Measures {
  const packing = new Packing(problem);
  packing.load(solution);
  return {
    out: outByLevel(problem, solution),
    bytesMoved: movedBytes(problem, solution),
    maxLoad: largestLoad(packing),
    hostsUsed: packing.hostVms.filter((vms) => vms.length > 0).length,
    moves: countMoves(problem, solution),
  };
}

/** In the objective's steps. */
export function largestLoad(packing: Packing): number {
  let most = 0;
  for (let host = 0; host < packing.problem.hostCount; host++) most = Math.max(most, packing.maxLoadOfHost(host));
  return loadSteps(most);
}

export function outByLevel(problem: Problem, solution: Solution): number[] {
  const out = new Array<number>(levelCount(problem)).fill(0);
  solution.vmHost.forEach((host, vm) => {
    const level = at(problem.vmLevel, vm);
    if (host < 0) out[level] = at(out, level) + 1;
  });
  return out;
}

function movedBytes(problem: Problem, solution: Solution): number {
  let bytes = 0;
  for (let disk = 0; disk < problem.diskCount; disk++) {
    const home = at(problem.diskHome, disk);
    if (home < 0 || at(solution.diskVolume, disk) === home) continue;
    for (let row = 0; row < problem.volumeRows; row++) if (problem.volumeRowLasting[row]) bytes += at(problem.diskLoad, disk * problem.volumeRows + row);
  }
  return bytes;
}

function countMoves(problem: Problem, solution: Solution): number {
  let moves = 0;
  solution.vmHost.forEach((host, vm) => {
    const previous = at(problem.vmPreviousHost, vm);
    if (host >= 0 && previous >= 0 && previous !== host) moves++;
  });
  return moves;
}
