/**
 * How many bytes must move in any case, without a solver: a new VM for which no host has room pushes out somebody who runs there, and who must go costs
 * bytes. Bytes of different hosts add up; two such VMs on one host push out as much as their loads together exceed its room.
 */

import { at } from './packing';
import type { Problem } from './problem';

/** A lower bound over all placements that leave out nobody but those in `hopeless`, from each host row by itself. */
export function leastBytesMoved(problem: Problem, hopeless: ReadonlySet<number>): number {
  let most = 0;
  for (let row = 0; row < problem.hostRows; row++) most = Math.max(most, leastBytesByRow(problem, hopeless, row));
  return most;
}

/** Somebody who runs and may leave. */
interface Leaver {
  readonly load: number;
  readonly bytes: number;
}

function leastBytesByRow(problem: Problem, hopeless: ReadonlySet<number>, row: number): number {
  const { hostCount, hostRows } = problem;
  const loadOf = (vm: number) => at(problem.vmLoad, vm * hostRows + row);
  const room = Array.from({ length: hostCount }, (_, host) => at(problem.hostCapacity, host * hostRows + row));
  const leavers = room.map((): Leaver[] => []);
  const entering: number[] = [];
  for (let vm = 0; vm < problem.vmCount; vm++) {
    if (hopeless.has(vm)) continue;
    const now = Math.max(at(problem.vmRunningHost, vm), at(problem.vmFixedHost, vm));
    if (now < 0) {
      if (loadOf(vm) > 0) entering.push(vm);
      continue;
    }
    room[now] = at(room, now) - loadOf(vm);
    if (at(problem.vmRunningHost, vm) >= 0 && loadOf(vm) > 0) at(leavers, now).push({ load: loadOf(vm), bytes: at(problem.vmMoveBytes, vm) });
  }
  for (const there of leavers) there.sort((a, b) => a.bytes * b.load - b.bytes * a.load || b.load - a.load);
  const mostRoom = room.reduce((most, free) => Math.max(most, free), 0);
  const bytesOfLoad = leavers.reduce((least, [cheapest]) => (cheapest === undefined ? least : Math.min(least, cheapest.bytes / cheapest.load)), Infinity);
  if (bytesOfLoad === Infinity) return 0;
  let total = 0;
  for (const vm of entering) {
    let least = Infinity;
    for (let host = 0; host < hostCount && least > 0; host++) {
      if (at(at(problem.vmAllowed, vm), host) === 1) least = cheapestCover(at(leavers, host), loadOf(vm) - at(room, host), least);
    }
    // Of several on one host each answers for its load less half of the room or less: together they don't count more than what exceeds the room.
    if (least < Infinity) total += Math.min(least, Math.max(0, bytesOfLoad * (loadOf(vm) - mostRoom / 2)));
  }
  return Math.floor(total);
}

/** At most so many sets of leavers are looked at. */
const MOST_COVERS = 5000;

/** The fewest bytes of leavers, cheapest by load first, whose loads come to `need` or more; `enough` when it is no less than that. */
function cheapestCover(leavers: readonly Leaver[], need: number, enough: number): number {
  const byParts = costInParts(leavers, 0, need);
  if (byParts >= enough) return enough;
  let [best, looks] = [enough, 0];
  const descend = (index: number, rest: number, bytes: number) => {
    if (rest <= 0) {
      best = Math.min(best, bytes);
      return;
    }
    const leaver = leavers[index];
    if (++looks > MOST_COVERS || leaver === undefined || bytes + costInParts(leavers, index, rest) >= best) return;
    descend(index + 1, rest - leaver.load, bytes + leaver.bytes);
    descend(index + 1, rest, bytes);
  };
  descend(0, need, 0);
  return looks > MOST_COVERS ? byParts : best;
}

/** The same if VMs could be cut: a lower bound. */
function costInParts(leavers: readonly Leaver[], from: number, need: number): number {
  let [rest, bytes] = [need, 0];
  for (let index = from; rest > 0; index++) {
    const leaver = leavers[index];
    if (leaver === undefined) return Infinity;
    bytes += leaver.bytes * Math.min(1, rest / leaver.load);
    rest -= leaver.load;
  }
  return bytes;
}
