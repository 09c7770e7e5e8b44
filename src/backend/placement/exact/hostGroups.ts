/**
 * Hosts gathered for the continuous program of a conflict. What alike hosts offer may be added up, and a continuous program loses nothing by it: each
 * placement has one that spreads evenly over them. Where that leaves too many columns, unlike hosts are added up as well: a solution of the finer program
 * gives one of the sums, so that what the sums contradict is contradicted.
 */

import { at } from '../packing';
import type { Problem } from '../problem';
import { hasColumnsWithin, type Counted } from './columnCount';
import type { RivalClass } from './rivalClasses';

export interface HostGroup {
  /** Ascending. */
  readonly hosts: readonly number[];
  /** Usable arrays; each slot is a set of them whose offers are added up. */
  readonly slots: readonly (readonly number[])[];
}

/** `tellsApart` is what the VM in question asks of each host, in any writing. With more than `mostColumns` columns unlike hosts are added up as well. */
export function hostGroups(counted: Counted, tellsApart: (host: number) => string, mostColumns: number): HostGroup[] {
  const { problem, classes } = counted;
  const fine = alikeHosts(problem, classes, tellsApart);
  if (hasColumnsWithin(mostColumns, counted, fine)) return fine;
  return gathered(problem, tellsApart).map((hosts) => {
    const all = hosts.flatMap((host) => usableVolumes(problem, host));
    return { hosts, slots: all.length > 0 ? [all] : [] };
  });
}

export function usableVolumes(problem: Problem, host: number): number[] {
  return Array.from(at(problem.hostVolumes, host)).filter((volume) => at(problem.volumeUsable, volume) === 1);
}

function alikeHosts(problem: Problem, classes: readonly RivalClass[], tellsApart: (host: number) => string): HostGroup[] {
  const known = hostsWithPast(problem);
  // Who is fixed tells only hosts with a past apart.
  const masks = [...new Set(classes.flatMap(({ hosts, isFixed }) => (isFixed ? [] : [hosts])))];
  const rows = (values: Float64Array, index: number, count: number) => Array.from(values.subarray(index * count, (index + 1) * count)).join(' ');
  const likeness = (host: number) => {
    if (known.has(host)) return `host ${host}`;
    const volumes = usableVolumes(problem, host).map((volume) => rows(problem.volumeCapacity, volume, problem.volumeRows));
    return JSON.stringify([tellsApart(host), rows(problem.hostCapacity, host, problem.hostRows), volumes, masks.map((mask) => at(mask, host)).join('')]);
  };
  return gathered(problem, likeness).map((hosts) => {
    const volumes = hosts.map((host) => usableVolumes(problem, host));
    return { hosts, slots: at(volumes, 0).map((_, slot) => volumes.map((own) => at(own, slot))) };
  });
}

function gathered(problem: Problem, keyOf: (host: number) => string): number[][] {
  const groups = new Map<string, number[]>();
  for (let host = 0; host < problem.hostCount; host++) {
    const key = keyOf(host);
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [host]);
    else list.push(host);
  }
  return [...groups.values()];
}

/** Hosts that run something or hold disks are like no other. */
function hostsWithPast(problem: Problem): Set<number> {
  const past = new Set<number>([...problem.vmFixedHost, ...problem.vmRunningHost]);
  for (const home of problem.diskHome) if (home >= 0) past.add(at(problem.volumeHost, home));
  return past;
}
