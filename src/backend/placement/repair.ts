/**
 * Brings in VMs that the greedy pass left out: makes room on a host by turning others out, and finds those a new place.
 * A fixed number of steps; a step that leaves the placement worse is taken back.
 */

import { levelCount } from './bounds';
import { bestHost } from './greedy';
import { seededNumbers, vmSizes } from './order';
import { at, type Packing } from './packing';
import { Trial } from './trial';

export interface RepairOptions {
  readonly order: readonly number[];
  readonly units: readonly (readonly number[])[];
  readonly steps: number;
  readonly seed: number;
  /** VMs that fit on no host even alone: not worth a step. */
  readonly hopeless: ReadonlySet<number>;
}

/** Improves the set of placed VMs, highest priority first. */
export function repair(packing: Packing, options: RepairOptions): void {
  const random = seededNumbers(options.seed);
  const waiting = new WaitingList(packing, options);
  for (let step = 0; step < options.steps && waiting.vms.length > 0; step++) {
    const trial = new Trial(packing);
    const vm = at(waiting.vms, random(2) === 0 ? 0 : random(waiting.vms.length));
    const hosts = hostsFor(packing, vm);
    const host = at(hosts, random(hosts.length));
    const movedIn = moveIn(packing, trial, at(options.units, vm), vm, host, random);
    if (movedIn) findPlaces(packing, trial, waiting, options);
    if (!movedIn || !waiting.accept(trial)) trial.rollBack();
  }
}

/** Places those that were turned out and those that wait, in order, wherever they fit. */
function findPlaces(packing: Packing, trial: Trial, waiting: WaitingList, options: RepairOptions): void {
  const turnedOut = trial.touched().map(([vm]) => vm);
  const candidates = new Set([...turnedOut, ...waiting.vms.slice(0, MOST_TRIED)].filter((vm) => at(packing.vmHost, vm) < 0));
  for (const vm of [...candidates].sort(waiting.inOrder)) {
    const place = bestHost(packing, vm, at(options.units, vm), 'tight');
    if (place >= 0) trial.tryAdd(vm, place);
  }
}

/** Waiting VMs that are tried again after each change. */
const MOST_TRIED = 32;

/** Puts the VM with the placed ones of its unit on the host, turning out others at random until all fit. */
function moveIn(packing: Packing, trial: Trial, unit: readonly number[], vm: number, host: number, random: (below: number) => number): boolean {
  const members = unit.filter((member) => member === vm || at(packing.vmHost, member) >= 0);
  if (members.some((member) => packing.isFixed(member) && at(packing.vmHost, member) !== host)) return false;
  for (const member of members) if (at(packing.vmHost, member) >= 0 && !packing.isFixed(member)) trial.remove(member);
  const staying = new Set(members);
  for (const member of members) {
    if (packing.isFixed(member)) continue;
    if (at(at(packing.problem.vmAllowed, member), host) === 0) return false;
    while (!trial.tryAdd(member, host)) {
      const others = at(packing.hostVms, host).filter((other) => !staying.has(other) && !packing.isFixed(other));
      if (others.length === 0) return false;
      const other = at(others, random(others.length));
      trial.remove(other);
      // Until a disk has a new place it takes its space at home.
      const place = packing.hasMovableDisk(other) ? bestHost(packing, other, [other], 'tight', new Set([host])) : -1;
      if (place >= 0) trial.tryAdd(other, place);
    }
  }
  return true;
}

function hostsFor(packing: Packing, vm: number): number[] {
  const hosts: number[] = [];
  at(packing.problem.vmAllowed, vm).forEach((allowed, host) => {
    if (allowed === 1) hosts.push(host);
  });
  return hosts;
}

/** Those left out though not hopeless, in placing order. */
class WaitingList {
  readonly vms: number[];
  readonly inOrder: (a: number, b: number) => number;
  private readonly sizes: Float64Array;

  constructor(
    private readonly packing: Packing,
    options: RepairOptions,
  ) {
    const rank = new Int32Array(packing.problem.vmCount);
    options.order.forEach((vm, index) => (rank[vm] = index));
    this.inOrder = (a, b) => at(rank, a) - at(rank, b);
    this.sizes = vmSizes(packing.problem);
    this.vms = options.order.filter((vm) => at(packing.vmHost, vm) < 0 && !options.hopeless.has(vm));
  }

  /**
   * Takes the change over unless it is worse: more left out at the highest level that differs or, at equal counts, bulkier ones.
   * Of two equal counts the smaller rest is closer to a way in.
   */
  accept(trial: Trial): boolean {
    const out = new Array<number>(levelCount(this.packing.problem)).fill(0);
    let size = 0;
    for (const [vm, before] of trial.touched()) {
      const change = Number(at(this.packing.vmHost, vm) < 0) - Number(before < 0);
      const level = at(this.packing.problem.vmLevel, vm);
      out[level] = at(out, level) + change;
      size += change * at(this.sizes, vm);
    }
    const decisive = out.find((change) => change !== 0) ?? size;
    if (decisive > 0) return false;
    if (trial.touched().some(([vm]) => at(this.packing.vmHost, vm) < 0 && !this.packing.hasRoomAtHome(vm))) return false;
    for (const [vm, before] of trial.touched()) {
      const isOut = at(this.packing.vmHost, vm) < 0;
      if (isOut && before >= 0) this.vms.push(vm);
      else if (!isOut && before < 0) this.vms.splice(this.vms.indexOf(vm), 1);
    }
    this.vms.sort(this.inOrder);
    return true;
  }
}
