/** Random small pools with everything that constrains a placement. */

import fc from 'fast-check';
import type { DiskPlace, PlanStep } from '../../src/protocol';
import { checkSteps } from '../../src/backend/placement/check';
import type { Inventory, MovePolicy, PreviousPlacement } from '../../src/backend/placement/inputs';
import { pool, type ArraySketch, type HostSketch, type PoolSketch, type VmSketch } from './pools';
import type { PoolModel } from '../../src/backend/drive/model';

export interface Situation {
  readonly model: PoolModel;
  readonly inventory: Inventory;
  readonly previous: PreviousPlacement;
}

export interface Sizes {
  readonly hosts: number;
  readonly vms: number;
  readonly survive?: number;
}

export function situations(sizes: Sizes): fc.Arbitrary<Situation> {
  const hostNames = names('n', sizes.hosts);
  const vmNames = names('v', sizes.vms);
  return fc
    .record({
      hosts: fc.integer({ min: 1, max: sizes.hosts }).chain((count) => fc.tuple(...hostNames.slice(0, count).map(hostSketch))),
      vms: fc.integer({ min: 1, max: sizes.vms }).chain((count) => fc.tuple(...vmNames.slice(0, count).map((name) => vmSketch(name, vmNames, hostNames)))),
      goal: fc.constantFrom('balance' as const, 'consolidate' as const),
      survive: fc.integer({ min: 0, max: sizes.survive ?? 0 }),
      cpuOvercommit: fc.constantFrom(1, 1.5),
      facts: fc.array(fc.record({ vm: fc.nat(), host: fc.nat(), runs: fc.boolean(), made: fc.boolean() }), { maxLength: 3 }),
      broken: fc.option(fc.record({ host: fc.nat(), whole: fc.boolean(), degraded: fc.boolean() }), { freq: 3 }),
    })
    .map((sketch) => situation({ ...sketch, storage: [{ name: 'nas', capacity: 40, bandwidth: 100 }] }, sketch.facts, sketch.broken));
}

export interface MovingSituation extends Situation {
  readonly moves: MovePolicy;
}

/**
 * Pools that have been at work: most disks exist, many VMs run, and there is little room. VMs are put where they fit in turn, so that what runs breaks few
 * rules; then some of what was put is forgotten, and newcomers have to find their place.
 */
export function movingSituations(sizes: Sizes): fc.Arbitrary<MovingSituation> {
  const hostNames = names('n', sizes.hosts);
  const vmNames = names('v', sizes.vms);
  return fc
    .record({
      hosts: fc.integer({ min: 2, max: sizes.hosts }).chain((count) => fc.tuple(...hostNames.slice(0, count).map(hostSketch))),
      vms: fc.integer({ min: 2, max: sizes.vms }).chain((count) => fc.tuple(...vmNames.slice(0, count).map((name) => movingVm(name, vmNames, hostNames)))),
      goal: fc.constantFrom('balance' as const, 'consolidate' as const),
      survive: fc.integer({ min: 0, max: sizes.survive ?? 0 }),
      facts: fc.tuple(...vmNames.map(() => fc.record({ host: fc.nat(), array: fc.nat(), is: fc.constantFrom('new' as const, 'stopped' as const, 'running' as const, 'running' as const) }))),
      moves: fc.record({ maxMoves: fc.constantFrom(0, 1, 2, Infinity, Infinity, Infinity), stops: fc.constantFrom('never' as const, 'allowed' as const) }),
      broken: fc.option(fc.record({ host: fc.nat(), whole: fc.boolean(), degraded: fc.boolean() }), { freq: 4 }),
    })
    .map(({ facts, moves, broken, ...sketch }) => {
      const before = standing(pool({ ...sketch, storage: [{ name: 'nas', capacity: 40, bandwidth: 100 }] }), facts);
      return { ...before, inventory: { ...before.inventory, hosts: brokenHost(before.model, broken) }, moves };
    });
}

function movingVm(name: string, vms: readonly string[], hosts: readonly string[]): fc.Arbitrary<VmSketch> {
  return fc
    .tuple(vmSketch(name, vms, hosts), fc.record({ type: fc.constantFrom('pv' as const, 'pvh' as const, 'pvh' as const, 'hvm' as const), migratable: fc.constantFrom(true, true, true, false), hasLocalDisks: fc.boolean() }))
    .map(([vm, { hasLocalDisks, ...more }]) => ({ ...vm, ...more, disks: (vm.disks ?? []).filter(({ storage }) => hasLocalDisks || storage !== undefined) }));
}

interface Standing {
  readonly host: number;
  readonly array: number;
  readonly is: 'new' | 'stopped' | 'running';
}

/** What each VM is, as far as it fits beside those before it; else it is new. */
function standing(model: PoolModel, facts: readonly Standing[]): Situation {
  const running: Record<string, string> = {};
  const disks: Record<string, DiskPlace> = {};
  model.vms.forEach((vm, index) => {
    const { host: pick, array: pickArray, is } = facts[index]!;
    if (is === 'new') return;
    const host = model.hosts[pick % model.hosts.length]!;
    const array = host.arrays[pickArray % Math.max(1, host.arrays.length)];
    const steps: PlanStep[] = vm.disks.flatMap((disk): PlanStep[] => {
      const to = disk.storage !== undefined ? { storage: disk.storage } : array === undefined ? undefined : { host: host.name, array: array.name };
      return to === undefined ? [] : [{ kind: 'create-disk', vm: vm.name, disk: disk.name, to, bytes: disk.sizeBytes }];
    });
    if (is === 'running') steps.push({ kind: 'start', vm: vm.name, host: host.name });
    if (checkSteps(model, { hosts: {}, disks: {}, running }, { assignments: {}, disks }, steps).length > 0) return;
    for (const step of steps) {
      if (step.kind === 'create-disk') disks[`${vm.name}/${step.disk}`] = step.to;
      else running[vm.name] = host.name;
    }
  });
  return { model, inventory: { hosts: {}, disks: {}, running }, previous: { assignments: { ...running }, disks } };
}

function hostSketch(name: string): fc.Arbitrary<HostSketch> {
  return fc.record({
    name: fc.constant(name),
    cpus: fc.integer({ min: 2, max: 6 }),
    memory: fc.integer({ min: 4, max: 12 }),
    architecture: fc.constantFrom('x86_64' as const, 'x86_64' as const, 'x86_64' as const, 'aarch64' as const),
    cpuFeatures: fc.subarray(['aes', 'avx2']),
    devices: fc.constantFrom({}, { gpu: 1 }, { gpu: 2 }),
    arrays: fc.array(fc.record({ capacity: fc.integer({ min: 10, max: 40 }), bandwidth: fc.integer({ min: 50, max: 150 }), degraded: fc.constantFrom('allow' as const, 'never' as const) }), { maxLength: 2 }).map((arrays) =>
      arrays.map((array, index): ArraySketch => ({ name: `r${index}`, ...array, ...(index === 0 ? { iops: 100 } : {}) })),
    ),
  });
}

function vmSketch(name: string, vms: readonly string[], hosts: readonly string[]): fc.Arbitrary<VmSketch> {
  const others = vms.filter((other) => other !== name);
  const rarely = <T>(items: readonly T[]) => fc.oneof({ weight: 4, arbitrary: fc.constant([] as T[]) }, { weight: 1, arbitrary: fc.subarray([...items], { maxLength: 1 }) });
  return fc.record({
    name: fc.constant(name),
    vcpus: fc.integer({ min: 1, max: 3 }),
    memory: fc.integer({ min: 1, max: 5 }),
    architecture: fc.constantFrom(...new Array<'x86_64'>(9).fill('x86_64'), 'aarch64' as const),
    cpuFeatures: rarely(['aes', 'avx2']),
    devices: fc.constantFrom(...new Array<Record<string, number>>(9).fill({}), { gpu: 1 }),
    priority: fc.constantFrom(0, 10, 50),
    disks: fc.array(fc.record({ size: fc.integer({ min: 1, max: 20 }), bandwidth: fc.integer({ min: 0, max: 60 }), iops: fc.constantFrom(0, 40), shared: fc.boolean() }), { maxLength: 2 }).map((disks) =>
      disks.map(({ shared, ...disk }, index) => ({ name: `d${index}`, ...disk, ...(shared ? { storage: 'nas' } : {}) })),
    ),
    apart: rarely(others),
    together: rarely(others),
    auto: fc.constantFrom(true, true, true, false),
    after: rarely(others),
    restricted: fc.option(fc.subarray([...hosts]), { freq: 4 }),
  }).map(({ restricted, ...vm }) => (restricted === null ? vm : { ...vm, on: restricted }));
}

interface Fact {
  readonly vm: number;
  readonly host: number;
  readonly runs: boolean;
  readonly made: boolean;
}

function situation(sketch: PoolSketch, facts: readonly Fact[], broken: { host: number; whole: boolean; degraded: boolean } | null): Situation {
  const model = pool(sketch);
  const running: Record<string, string> = {};
  const disks: Record<string, DiskPlace> = {};
  for (const fact of facts) {
    const vm = model.vms[fact.vm % model.vms.length]!;
    const host = model.hosts[fact.host % model.hosts.length]!;
    if (fact.runs) running[vm.name] = host.name;
    if (!fact.made) continue;
    for (const disk of vm.disks) {
      const array = host.arrays[0];
      if (disk.storage !== undefined) disks[`${vm.name}/${disk.name}`] = { storage: disk.storage };
      else if (array !== undefined) disks[`${vm.name}/${disk.name}`] = { host: host.name, array: array.name };
    }
  }
  return { model, inventory: { hosts: brokenHost(model, broken), disks: {}, running }, previous: { assignments: {}, disks } };
}

/** A host that can't be asked, or has degraded arrays. */
function brokenHost(model: PoolModel, broken: { host: number; whole: boolean; degraded: boolean } | null): Inventory['hosts'] {
  const host = broken === null ? undefined : model.hosts[broken.host % model.hosts.length];
  if (broken === null || host === undefined) return {};
  const arrays = Object.fromEntries(host.arrays.map((array) => [array.name, { usable: true, degraded: broken.degraded }]));
  return { [host.name]: { available: !broken.whole, cause: `${host.name} didn't answer`, arrays } };
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
