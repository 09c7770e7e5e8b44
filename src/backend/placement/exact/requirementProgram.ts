/**
 * What the continuous part of the equations says of requirements: a program that has a solution whenever they can hold together, so that none is to be had
 * where it has none. Each row stands for one requirement or says what hosts offer; rows that stand for something can be left out, the others are always true.
 * A VM may be cut into pieces here, and what alike hosts offer is added up.
 */

import type { Formulation } from '../formulation';
import { at } from '../packing';
import type { Problem } from '../problem';
import { allowedStill, type Held } from '../requirements';
import { commonUnit } from './assignment';
import { DiskRows } from './diskRows';
import { hostGroups, usableVolumes, type HostGroup } from './hostGroups';
import type { MixedIntegerProgram } from './program';
import { keepApart, keepTogether } from './relationRows';
import { elsewhere, type Parts } from './requirementParts';
import { rivalClasses, type RivalClass } from './rivalClasses';
import { heldOf, StandingRows, type Standing } from './standingRows';

export interface RequirementProgram {
  /** Columns lie between 0 and their finite upper bound; every row has one finite side, and all numbers are whole. */
  readonly program: MixedIntegerProgram;
  /** By row. */
  readonly standings: readonly Standing[];
}

export interface ProgramOptions {
  /** Of all VMs, by `vmKinds`. */
  readonly kinds: readonly string[];
  /** Where the program has no more, hosts are told apart as far as they differ; else unlike ones are added up, however many columns are left. */
  readonly mostColumns: number;
}

export function requirementProgram(formulation: Formulation, vm: number, held: Held, { kinds, mostColumns }: ProgramOptions): RequirementProgram {
  const { problem } = formulation;
  const rows = new StandingRows();
  const classes = rivalClasses(problem, kinds, held.others);
  const anywhere = allowedStill(formulation, vm, { on: false, nature: false });
  const [on, nature] = [allowedStill(formulation, vm, { on: true, nature: false }), allowedStill(formulation, vm, { on: false, nature: true })];
  const groups = hostGroups({ problem, vm, held, classes }, (host) => `${at(anywhere, host)}${at(on, host)}${at(nature, host)}`, mostColumns);
  const own = new Map(groups.flatMap(({ hosts }, group) => (at(anywhere, at(hosts, 0)) === 1 ? [[group, rows.column(1)] as const] : [])));
  const parts: Parts = { problem, vm, held, rows, groups, classes, own, on: classes.map((rivals) => rivalColumns(problem, rows, groups, rivals)) };
  rows.atLeast(own.values(), 1);
  classes.forEach(({ vms }, index) => rows.atLeast(at(parts.on, index).values(), vms.length, { others: vms }));
  barGroups(parts, 'on', on);
  barGroups(parts, 'nature', nature);
  groups.forEach((_, group) => hostRows(parts, group));
  const disks = new DiskRows(parts);
  disks.write();
  keepApart(parts);
  keepTogether(parts);
  limitMoves(parts, disks.away);
  return { program: rows.program, standings: rows.standings };
}

/** No more of a class can be on a host than fit there without anybody else, in whole VMs. */
function rivalColumns(problem: Problem, rows: StandingRows, groups: readonly HostGroup[], { vms, hosts, isFixed, disks }: RivalClass): Map<number, number> {
  const needsArray = !isFixed && disks.some((disk) => at(problem.diskVolume, disk) < 0);
  const columns = new Map<number, number>();
  groups.forEach((group, index) => {
    let most = 0;
    for (const host of group.hosts) {
      if (most >= vms.length) break;
      if (hosts[host] === 1 && !(needsArray && usableVolumes(problem, host).length === 0)) most += isFixed ? vms.length : mostAlone(problem, at(vms, 0), host);
    }
    if (most > 0) columns.set(index, rows.column(Math.min(most, vms.length)));
  });
  return columns;
}

function mostAlone({ hostRows: rows, hostCapacity, vmLoad, vmCount }: Problem, vm: number, host: number): number {
  let most = vmCount;
  for (let row = 0; row < rows; row++) {
    const load = at(vmLoad, vm * rows + row);
    if (load > 0) most = Math.min(most, Math.floor(Math.max(0, at(hostCapacity, host * rows + row)) / load));
  }
  return most;
}

function barGroups({ held, rows, groups, own }: Parts, kind: 'on' | 'nature', allowed: Uint8Array): void {
  const requirement = heldOf(held, kind);
  if (requirement === undefined) return;
  for (const [group, column] of own) if (at(allowed, at(at(groups, group).hosts, 0)) === 0) rows.atMost([[column, 1]], 0, { own: requirement });
}

function hostRows({ problem, vm, held, rows, groups, classes, own, on }: Parts, group: number): void {
  for (let row = 0; row < problem.hostRows; row++) {
    const load = (one: number) => at(problem.vmLoad, one * problem.hostRows + row);
    const entries = classes.flatMap(({ vms }, index) => {
      const column = at(on, index).get(group);
      return column === undefined || load(at(vms, 0)) === 0 ? [] : [[column, load(at(vms, 0))] as const];
    });
    const [requirement, by] = [heldOf(held, 'row', { row }), own.get(group)];
    const fixed = new Map<number, number>();
    for (const other of held.others) {
      const host = at(problem.vmFixedHost, other);
      if (host >= 0) fixed.set(host, (fixed.get(host) ?? 0) + load(other));
    }
    // What runs may overfill its host.
    const offers = at(groups, group).hosts.map((host) => Math.max(0, at(problem.hostCapacity, host * problem.hostRows + row), fixed.get(host) ?? 0));
    const taken = requirement === undefined || by === undefined || load(vm) === 0 ? [] : [{ own: requirement, load: load(vm), by }];
    rows.capacity(entries, taken, commonUnit([...entries.map(([, one]) => one), ...taken.map((one) => one.load)]), offers);
  }
}

/** `away` lists for each way to have moved the columns of those that did, for the left-out VM and each class. */
function limitMoves(parts: Parts, away: readonly { readonly most: number; readonly ways: readonly (readonly number[])[] }[]): void {
  const { problem, vm, held, rows, classes, own, on } = parts;
  const requirement = heldOf(held, 'moves');
  if (requirement === undefined) return;
  const gone = (one: number, columns: ReadonlyMap<number, number>) => (at(problem.vmRunningHost, one) < 0 ? [] : elsewhere(parts, columns, at(problem.vmRunningHost, one)));
  const moved = away.flatMap(({ most, ways }, index) => {
    const left = index === 0 ? gone(vm, own) : gone(at(at(classes, index - 1).vms, 0), at(on, index - 1));
    const all = [left, ...ways].filter((way) => way.length > 0);
    if (all.length === 0) return [];
    const count = rows.column(most);
    for (const way of all) rows.atMost([...way.map((column) => [column, 1] as const), [count, -1]], 0);
    return [[count, 1] as const];
  });
  rows.atMost(moved, problem.maxMoves, { own: requirement });
}
