/**
 * Where the program as a whole is too large for the solver: programs of a few hosts at a time, everything else held where it is (large neighbourhood
 * search, Shaw, *Using Constraint Programming and Local Search Methods to Solve Vehicle Routing Problems*, 1998). It proves nothing, but finds the
 * exchanges between four and more hosts that cost the fewest bytes.
 */

import { levelCount } from '../bounds';
import { movedBytes, movedBytesOf } from '../objective';
import { seededNumbers } from '../order';
import { at, Packing } from '../packing';
import type { Problem, Solution } from '../problem';
import { AssignmentProgram, commonUnit } from './assignment';
import type { MipSolver } from './program';

export interface NeighbourhoodOptions {
  readonly solver: MipSolver;
  readonly shouldStop: () => boolean;
  readonly onBetter: (solution: Solution) => void;
}

/** Programs to solve, and branch-and-bound nodes for each. */
const ROUNDS = 160;
const NODES = 200;
/** VMs that a program decides on; as many hosts as hold about so many. */
const VMS = 64;
const FEWEST_HOSTS = 4;
const MOST_HOSTS = 8;

/** The same VMs placed with fewer bytes moved, as far as that is found. */
export function moveFewerBytes(problem: Problem, start: Solution, { solver, shouldStop, onBetter }: NeighbourhoodOptions): Solution {
  const random = seededNumbers(problem.vmCount + 3);
  const hosts = Math.min(MOST_HOSTS, Math.max(FEWEST_HOSTS, Math.round((VMS * problem.hostCount) / Math.max(1, problem.vmCount))));
  const levels = levelCount(problem);
  let best = start;
  for (let round = 0; round < ROUNDS && !shouldStop(); round++) {
    const moved = Array.from({ length: problem.vmCount }, (_, vm) => vm).filter((vm) => movedBytesOf(problem, best, vm) > 0);
    if (moved.length === 0) break;
    const program = new AssignmentProgram(focus(problem, best, pickHosts(problem, best, moved, hosts, random)), { kind: 'nothing' });
    for (let level = 0; level < levels; level++) keepPlaced(program, level, best);
    const unit = commonUnit([...program.bytes().values()]);
    const objective = new Map([...program.bytes()].map(([column, bytes]) => [column, bytes / unit]));
    const { values } = solver.minimise(program.program, { objective, nodes: NODES, start: program.point(best), shouldStop });
    if (values === undefined) continue;
    const found = program.solution(values, best);
    if (movedBytes(problem, found) >= movedBytes(problem, best) || !isPossible(problem, found)) continue;
    best = found;
    onBetter(best);
  }
  return best;
}

function keepPlaced(program: AssignmentProgram, level: number, best: Solution): void {
  const point = program.point(best);
  program.fixOut(level, program.outAt(level).reduce((sum, column) => sum + at(point, column), 0));
}

/** Hosts that moved VMs have left or are on, those of one VM after the other; half of the time also roomy ones. */
function pickHosts(problem: Problem, best: Solution, moved: readonly number[], count: number, random: (below: number) => number): ReadonlySet<number> {
  const usable = Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => at(problem.hostAvailable, host) === 1);
  const packing = new Packing(problem);
  packing.load(best);
  const byRoom = [...usable].sort((a, b) => packing.maxLoadOfHost(a) - packing.maxLoadOfHost(b) || a - b);
  const hosts = new Set<number>();
  const ofMoved = random(2) === 0 ? count : FEWEST_HOSTS - 1;
  for (let tries = 0; hosts.size < Math.min(count, usable.length) && tries < MOST_PICKS; tries++) {
    if (hosts.size >= ofMoved) hosts.add(random(2) === 0 ? at(usable, random(usable.length)) : at(byRoom, random(Math.ceil(byRoom.length / 4))));
    else for (const host of hostsOfMove(problem, best, at(moved, random(moved.length)))) hosts.add(host);
  }
  return hosts;
}

const MOST_PICKS = 100;

function hostsOfMove(problem: Problem, best: Solution, vm: number): number[] {
  const homes = Array.from(at(problem.vmDisks, vm), (disk) => at(problem.diskHome, disk)).map((home) => (home < 0 ? -1 : at(problem.volumeHost, home)));
  return [at(best.vmHost, vm), at(problem.vmRunningHost, vm), ...homes].filter((host) => host >= 0 && at(problem.hostAvailable, host) === 1);
}

/** The problem of what is on these hosts or nowhere; everything else is fixed where it is. */
function focus(problem: Problem, now: Solution, hosts: ReadonlySet<number>): Problem {
  const isFree = Array.from({ length: problem.vmCount }, (_, vm) => at(problem.vmFixedHost, vm) < 0 && (at(now.vmHost, vm) < 0 || hosts.has(at(now.vmHost, vm))));
  const masks = new Map<Uint8Array, Uint8Array>();
  const within = (allowed: Uint8Array) => {
    const mask = masks.get(allowed) ?? allowed.map((is, host) => Number(is === 1 && hosts.has(host)));
    masks.set(allowed, mask);
    return mask;
  };
  return {
    ...problem,
    vmAllowed: problem.vmAllowed.map((allowed, vm) => (at(isFree, vm) ? within(allowed) : allowed)),
    vmFixedHost: problem.vmFixedHost.map((fixed, vm) => (at(isFree, vm) ? fixed : at(now.vmHost, vm))),
    vmRunningHost: problem.vmRunningHost.map((host, vm) => (at(isFree, vm) ? host : -1)),
    diskVolume: problem.diskVolume.map((only, disk) => (at(isFree, at(problem.diskVm, disk)) ? only : at(now.diskVolume, disk))),
    maxMoves: problem.maxMoves - Array.from({ length: problem.vmCount }, (_, vm) => vm).filter((vm) => !at(isFree, vm) && movedBytesOf(problem, now, vm) > 0).length,
  };
}

/** Whether every VM fits where the solver has it: it computes with tolerances. */
export function isPossible(problem: Problem, solution: Solution): boolean {
  const packing = new Packing(problem);
  packing.load(solution);
  for (let vm = 0; vm < problem.vmCount; vm++) {
    if (packing.isFixed(vm)) continue;
    const host = at(packing.vmHost, vm);
    if (host < 0 ? !packing.hasRoomAtHome(vm) : !packing.isWithin(vm)) return false;
    if (host < 0) continue;
    for (let row = 0; row < problem.hostRows; row++) {
      const index = host * problem.hostRows + row;
      if (at(problem.vmLoad, vm * problem.hostRows + row) > 0 && at(packing.hostUsed, index) > at(problem.hostCapacity, index)) return false;
    }
  }
  return true;
}
