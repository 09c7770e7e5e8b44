/** The levels a placement is judged by, measured on the narrow problem; `docs/placement.md` gives the equations. */

import { levelCount } from './bounds';
import { at, Packing } from './packing';
import { loadSteps, type Problem, type Solution } from './problem';

export interface Measures {
  /** VMs left out, by level. */
  readonly out: readonly number[];
  /** Bytes of disks that lie elsewhere afterwards, and of running VMs that run elsewhere. */
  readonly bytesMoved: number;
  /** Of each host the largest of its balanced rows, in hundredths rounded up; the largest host first. */
  readonly loads: readonly number[];
  readonly hostsUsed: number;
  /** VMs that aren't where they were put last time, or have a disk that isn't. */
  readonly moves: number;
}

export function measure(problem: Problem, solution: Solution): Measures {
  const packing = new Packing(problem);
  packing.load(solution);
  return {
    out: outByLevel(problem, solution),
    bytesMoved: movedBytes(problem, solution),
    loads: hostLoads(packing),
    hostsUsed: packing.hostVms.filter((vms) => vms.length > 0).length,
    moves: countMoves(problem, solution),
  };
}

/** In the objective's steps, the largest first. */
export function hostLoads(packing: Packing): number[] {
  return Array.from({ length: packing.problem.hostCount }, (_, host) => loadSteps(packing.maxLoadOfHost(host))).sort((a, b) => b - a);
}

/** In the objective's steps. */
export function largestLoad(packing: Packing): number {
  return hostLoads(packing)[0] ?? 0;
}

export function outByLevel(problem: Problem, solution: Solution): number[] {
  const out = new Array<number>(levelCount(problem)).fill(0);
  solution.vmHost.forEach((host, vm) => {
    const level = at(problem.vmLevel, vm);
    if (host < 0) out[level] = at(out, level) + 1;
  });
  return out;
}

export function movedBytes(problem: Problem, solution: Solution): number {
  let bytes = 0;
  for (let vm = 0; vm < problem.vmCount; vm++) bytes += movedBytesOf(problem, solution, vm);
  return bytes;
}

/** Of one VM; nothing of one that is left out. */
export function movedBytesOf(problem: Problem, { vmHost, diskVolume }: Solution, vm: number): number {
  const host = at(vmHost, vm);
  if (host < 0) return 0;
  const now = at(problem.vmRunningHost, vm);
  let bytes = now >= 0 && host !== now ? at(problem.vmMoveBytes, vm) : 0;
  for (const disk of at(problem.vmDisks, vm)) if (at(diskVolume, disk) !== at(problem.diskHome, disk)) bytes += at(problem.diskMoveBytes, disk);
  return bytes;
}

function countMoves(problem: Problem, solution: Solution): number {
  let moves = 0;
  solution.vmHost.forEach((host, vm) => {
    const previous = at(problem.vmPreviousHost, vm);
    if ((host >= 0 && previous >= 0 && previous !== host) || movedBytesOf(problem, solution, vm) > 0) moves++;
  });
  return moves;
}

/** Level by level, the highest priority first. */
export function compareLevels(a: readonly number[], b: readonly number[]): number {
  for (let level = 0; level < Math.max(a.length, b.length); level++) {
    const difference = (a[level] ?? 0) - (b[level] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
