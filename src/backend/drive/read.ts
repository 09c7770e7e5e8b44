/**
 * Specs → model and problems, without touching a disk: also for text that isn't saved yet.
 * First stage: each file by itself (`readSpecFile`, whose results a caller may keep while the text stays the same).
 * Second stage: what holds between them.
 */

import type { ProblemJson } from '../../protocol';
import { arrayProblems } from './checks/arrays';
import { duplicateProblems } from './checks/duplicates';
import { networkProblems } from './checks/network';
import { orderingProblems } from './checks/ordering';
import { placeholderProblems } from './checks/placeholders';
import { specPool, type SpecPool, type Surroundings } from './checks/pool';
import { referenceProblems } from './checks/references';
import { roomProblems } from './checks/room';
import type { ClusterModel, PoolModel, VmModel } from './model';
import * as problems from './problems';
import { problemJson, type Problem } from './problems';
import { readSpecFile, type SpecFile } from './specFile';
import { LineIndex } from './text';

export type { Surroundings } from './checks/pool';

export interface ReadDrive {
  /** Undefined when any problem is an error. */
  readonly model: PoolModel | undefined;
  /** Sorted by file and position. */
  readonly problems: readonly ProblemJson[];
  /** `cluster`, `host/<name>`, `vm/<name>` to the text of its document. */
  readonly specTexts: ReadonlyMap<string, string>;
}

/** Reads specs from texts by file name (relative to the drive, forward slashes). Never throws, whatever they hold. */
export function readDrive(files: ReadonlyMap<string, string>, surroundings: Surroundings = {}): ReadDrive {
  return checkDrive([...files].map(([file, text]) => readSpecFile(file, text)), surroundings);
}

/** The second stage, over files that went through `readSpecFile`. `earlier` are problems of files that couldn't be read. */
export function checkDrive(files: readonly SpecFile[], surroundings: Surroundings, earlier: readonly Problem[] = []): ReadDrive {
  const sorted = [...files].sort((a, b) => compare(a.file, b.file));
  const pool = specPool(sorted, surroundings);
  const found = [
    ...earlier,
    ...sorted.flatMap((file) => file.problems),
    ...clusterCount(pool, sorted, earlier),
    ...duplicateProblems(pool),
    ...networkProblems(pool),
    ...arrayProblems(pool),
    ...referenceProblems(pool),
    ...orderingProblems(pool),
    ...placeholderProblems(pool),
    // Of a host that couldn't be read one doesn't know how large it is.
    ...(earlier.some(({ file }) => file.startsWith('hosts/')) ? [] : roomProblems(pool)),
  ];
  const isSound = !found.some(({ severity }) => severity === 'error');
  // Who only shows problems, while somebody types, doesn't wait for the rest.
  let model: PoolModel | undefined;
  let texts: ReadonlyMap<string, string> | undefined;
  return {
    problems: inOrder(found, sorted),
    get model() {
      return isSound ? (model ??= poolModel(pool)) : undefined;
    },
    get specTexts() {
      return (texts ??= specTexts(pool));
    },
  };
}

/** Exactly one Cluster document; a broken or misnamed pxen.yaml is reason enough for its absence, and so is a drive that can't be listed. */
function clusterCount(pool: SpecPool, files: readonly SpecFile[], earlier: readonly Problem[]): readonly Problem[] {
  const clusters = pool.documents.filter(({ kind }) => kind === 'Cluster').map(({ places }) => places.owner([]));
  const [first, second] = clusters;
  if (first && second) return clusters.map((place) => problems.clusterSecond(place, pool.describe(place === first ? second : first)));
  const explained = [...files.flatMap((file) => file.problems), ...earlier].some(({ file, severity }) => (file === '.' || /^pxen\.ya?ml(?:\.txt)?$/i.test(file)) && severity === 'error');
  return first || explained ? [] : [problems.clusterMissing({ file: 'pxen.yaml', start: 0, end: 0 })];
}

function inOrder(found: readonly Problem[], files: readonly SpecFile[]): readonly ProblemJson[] {
  const lines = new Map(files.map((file) => [file.file, file.lines]));
  const nothing = new LineIndex('');
  return [...found]
    .sort((a, b) => compare(a.file, b.file) || a.start - b.start || a.end - b.end || compare(a.code, b.code) || compare(a.message, b.message))
    .map((problem) => problemJson(problem, lines.get(problem.file) ?? nothing));
}

function specTexts(pool: SpecPool): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { kind, name, text } of pool.documents) {
    if (kind === 'Cluster') texts.set('cluster', text);
    else if (kind !== undefined && name !== undefined) texts.set(`${kind === 'Host' ? 'host' : 'vm'}/${name}`, text);
  }
  return texts;
}

/** Lists sorted by name and references resolved, so that the order of files and entries makes no difference. */
function poolModel(pool: SpecPool): PoolModel | undefined {
  const cluster = pool.clusters[0]?.model;
  return cluster && { cluster: sortedCluster(cluster), hosts: pool.hosts.map(({ model }) => ({ ...model, arrays: model.arrays.toSorted(byName) })).sort(byName), vms: resolvedVms(pool) };
}

function sortedCluster(cluster: ClusterModel): ClusterModel {
  return { ...cluster, storage: cluster.storage.toSorted(byName) };
}

function resolvedVms(pool: SpecPool): readonly VmModel[] {
  const vms = pool.vms.map(({ model }) => model);
  const apart = symmetric(vms, (vm) => vm.placement.apart);
  const together = symmetric(vms, (vm) => vm.placement.together);
  const selected = hostsBySelector(pool);
  return vms
    .map((vm) => {
      const { on, migratable } = vm.placement;
      return {
        ...vm,
        placement: { ...(on && { on: union(on.map((selector) => selected.get(selector) ?? [])) }), apart: apart(vm.name), together: together(vm.name), migratable },
        start: { ...vm.start, after: sortedSet(vm.start.after) },
      };
    })
    .sort(byName);
}

/** Hosts that a selector names, or whose label it is: found once for thousands of VMs that select a few labels. */
function hostsBySelector(pool: SpecPool): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, Set<string>>();
  const add = (selector: string, host: string) => {
    const known = names.get(selector);
    if (known) known.add(host);
    else names.set(selector, new Set([host]));
  };
  for (const { model } of pool.hosts) {
    add(model.name, model.name);
    for (const [key, value] of Object.entries(model.labels)) add(`${key}=${value}`, model.name);
  }
  return new Map([...names].map(([selector, hosts]) => [selector, sortedSet(hosts)]));
}

/** Of sorted sets. */
function union(sets: readonly (readonly string[])[]): readonly string[] {
  const [only] = sets;
  return only && sets.length === 1 ? only : sortedSet(sets.flat());
}

/** What one VM says of another holds for both. */
function symmetric(vms: readonly VmModel[], others: (vm: VmModel) => readonly string[]): (vm: string) => readonly string[] {
  const pairs = new Map<string, Set<string>>();
  const add = (vm: string, other: string) => {
    const known = pairs.get(vm);
    if (known) known.add(other);
    else pairs.set(vm, new Set([other]));
  };
  for (const vm of vms) {
    for (const other of others(vm)) {
      add(vm.name, other);
      add(other, vm.name);
    }
  }
  return (vm) => sortedSet(pairs.get(vm) ?? []);
}

function sortedSet(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort(compare);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compare(a.name, b.name);
}

/** By code unit: the same everywhere, whatever the locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
