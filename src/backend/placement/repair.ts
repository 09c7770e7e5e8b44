/**
 * Brings in VMs that the greedy pass left out: makes room on a host by turning others out, and finds those a new place.
 * A fixed number of steps; a step that leaves the placement worse is taken back.
 */

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
  const sizes = vmSizes(packing.problem);
  let worth = worthOf(packing, options, sizes);
  for (let step = 0; step < options.steps && worth.waiting.length > 0; step++) {
    const trial = new Trial(packing);
    const vm = at(worth.waiting, random(2) === 0 ? 0 : random(worth.waiting.length));
    const hosts = hostsFor(packing, vm);
    const host = at(hosts, random(hosts.length));
    if (!moveIn(packing, trial, at(options.units, vm), vm, host, random)) {
      trial.rollBack();
      continue;
    }
    for (const other of options.order) {
      if (at(packing.vmHost, other) >= 0 || options.hopeless.has(other)) continue;
      const place = bestHost(packing, other, at(options.units, other), 'tight');
      if (place >= 0) trial.tryAdd(other, place);
    }
    const after = worthOf(packing, options, sizes);
    if (compareWorth(after, worth) <= 0) worth = after;
    else trial.rollBack();
  }
}

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
      trial.remove(at(others, random(others.length)));
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

interface Worth {
  /** Left out though not hopeless, highest priority first. */
  readonly waiting: readonly number[];
  /** How many are left out, by level. */
  readonly out: readonly number[];
  /** Size of what is left out: of two equal counts the smaller rest is closer to a way in. */
  readonly size: number;
}

function worthOf(packing: Packing, options: RepairOptions, sizes: Float64Array): Worth {
  const waiting = options.order.filter((vm) => at(packing.vmHost, vm) < 0 && !options.hopeless.has(vm));
  const out: number[] = [];
  let size = 0;
  for (const vm of waiting) {
    const level = at(packing.problem.vmLevel, vm);
    while (out.length <= level) out.push(0);
    out[level] = at(out, level) + 1;
    size += at(sizes, vm);
  }
  return { waiting, out, size };
}

function compareWorth(a: Worth, b: Worth): number {
  for (let level = 0; level < Math.max(a.out.length, b.out.length); level++) {
    const difference = (a.out[level] ?? 0) - (b.out[level] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.size - b.size;
}
