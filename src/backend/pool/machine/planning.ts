/**
 * When to plan, and over what. Booting never moves a disk: a VM whose disk exists stays with it, and a VM whose disk can't
 * be reached is left out with that reason instead of being made anew elsewhere.
 */

import type { DiskPlace, PlanJson } from '../../../protocol';
import type { PoolModel, VmModel } from '../../drive/model';
import type { ArrayInventory, HostInventory, Inventory } from '../../placement/inputs';
import type { Draft } from './draft';
import { missingStorage, storageTrouble } from './mounts';
import { newestPlace, placeInWords } from './safety';
import { type HostNode, type PlanBasis, type VmNode, diskKey } from './state';

/** Asks for a plan when there is none yet, or when the present one took something for granted that isn't so. */
export function planIfNeeded(draft: Draft): void {
  if (draft.planning.computing) return;
  if (draft.planning.basis === undefined && !isReadyToPlan(draft)) return;
  const basis = currentBasis(draft);
  if (draft.planning.basis !== undefined && stillHolds(basis, draft.planning.basis, draft.planning.plan)) return;
  draft.emit({
    kind: 'plan',
    model: modelToPlan(draft, basis),
    inventory: inventoryToPlan(draft, basis),
    previous: {
      assignments: only(basis, { ...draft.lock.content.assignments, ...draft.planning.plan?.assignments }, (vm) => vm),
      // Only disks that exist: one that was merely planned binds nobody to its place.
      disks: only(basis, places(draft), vmOfDisk),
    },
  });
  draft.planning = { ...draft.planning, basis, computing: true };
}

export function planEnded(draft: Draft, result: { readonly plan: PlanJson } | { readonly failure: string }): void {
  const { basis } = draft.planning;
  draft.planning =
    'plan' in result ? { plan: result.plan, basis, computing: false, failure: undefined } : { plan: undefined, basis, computing: false, failure: result.failure };
}

/** When the wait for hosts that are up already ends; undefined: there is a plan. */
export function planDeadline(draft: { readonly planning: { readonly basis: PlanBasis | undefined }; readonly startedAt: number; readonly config: { readonly timing: { readonly planWaitMs: number } } }): number | undefined {
  return draft.planning.basis === undefined ? draft.startedAt + draft.config.timing.planWaitMs : undefined;
}

/** Hosts that are up already say what runs and which disks exist: better known before the first plan than after. */
function isReadyToPlan(draft: Draft): boolean {
  if (draft.now >= draft.startedAt + draft.config.timing.planWaitMs) return true;
  return [...draft.hosts.values()].every(
    ({ state, link, attempt }) => !(state === 'off' && link === 'opening') && !(attempt === 0 && state === 'arrays'),
  );
}

function stillHolds(now: PlanBasis, then: PlanBasis, plan: PlanJson | undefined): boolean {
  return (
    now.shortfalls.join('\n') === then.shortfalls.join('\n') &&
    Object.keys(now.excluded).join('\n') === Object.keys(then.excluded).join('\n') &&
    Object.entries(now.pins).every(([vm, host]) => then.pins[vm] === host || plan?.assignments[vm] === host)
  );
}

function currentBasis(draft: Draft): PlanBasis {
  const pins: Record<string, string> = {};
  const excluded: Record<string, string> = {};
  for (const [name, vm] of draft.vms) {
    const stay = whereItStays(draft, vm);
    if ('host' in stay) pins[name] = stay.host;
    else if ('excluded' in stay) excluded[name] = stay.excluded;
  }
  return { shortfalls: [...draft.hosts.values()].flatMap(shortfallsOf), pins, excluded };
}

function whereItStays(draft: Draft, vm: VmNode): { readonly host: string } | { readonly excluded: string } | { readonly free: true } {
  if (vm.host !== undefined && (vm.runsSince !== undefined || vm.state === 'starting' || vm.making.length > 0)) return { host: vm.host };
  let host: string | undefined;
  for (const { name } of vm.spec.disks) {
    const place = newestPlace(draft.disk(diskKey(vm.spec.name, name)))?.place;
    if (place === undefined || 'storage' in place) continue;
    const trouble = outOfReach(draft, place);
    if (trouble !== undefined) return { excluded: `its disk ${name} is on ${placeInWords(place)}, and ${trouble}` };
    if (host !== undefined && host !== place.host) return { excluded: `its disks lie on different hosts, ${host} and ${place.host}` };
    host = place.host;
  }
  const allowed = vm.spec.placement.on;
  if (host === undefined) {
    if (!vm.spec.disks.some(({ storage }) => storage !== undefined)) return { free: true };
    const troubles = (allowed ?? [...draft.hosts.keys()]).map((name) => noStorageAt(draft, name, vm.spec));
    return troubles.length === 0 || troubles.includes(undefined) ? { free: true } : { excluded: troubles.join('; ') };
  }
  if (allowed !== undefined && !allowed.includes(host)) {
    return { excluded: `its disks lie on ${host}, but its spec allows only ${allowed.join(', ')}; booting moves no disk` };
  }
  const trouble = noStorageAt(draft, host, vm.spec);
  return trouble === undefined ? { host } : { excluded: `its local disks lie on ${host}, and ${trouble}` };
}

function noStorageAt(draft: Draft, name: string, vm: VmModel): string | undefined {
  const host = draft.hosts.get(name);
  return host === undefined ? undefined : storageTrouble(host, vm);
}

function outOfReach(draft: Draft, place: { readonly host: string; readonly array: string }): string | undefined {
  const host = draft.hosts.get(place.host);
  if (host === undefined) return `${place.host} isn't in the specs`;
  if (host.state === 'failed') return `${place.host} isn't up`;
  if (!host.spec.arrays.some(({ name }) => name === place.array)) return `${place.host} has no array ${place.array} in its spec`;
  const report = host.arrays?.find(({ status }) => status.name === place.array);
  if (host.state !== 'ready' || report?.status.mounted === true) return undefined;
  return `this array isn't mounted${report?.status.detail === undefined ? '' : `: ${report.status.detail}`}`;
}

function shortfallsOf(host: HostNode): readonly string[] {
  const { name } = host.spec;
  if (host.state === 'failed') return [name];
  if (host.state !== 'ready') return [];
  const arrays = host.spec.arrays.filter((array) => host.arrays?.find(({ status }) => status.name === array.name)?.status.mounted !== true);
  const storage = missingStorage(host).map((missing) => `${name} shared storage ${missing.name}`);
  const smaller = [
    ...(host.facts !== undefined && host.facts.cpus < host.spec.cpus ? [`${name} ${host.facts.cpus} CPUs`] : []),
    ...(host.facts !== undefined && host.facts.memoryBytes < host.spec.memoryBytes ? [`${name} ${host.facts.memoryBytes} bytes`] : []),
  ];
  return [...arrays.map((array) => `${name}/${array.name}`), ...storage, ...smaller];
}

/** The model without what can't be placed, with every VM that has a place held there, and no VM where its shared storage is missing. */
function modelToPlan(draft: Draft, basis: PlanBasis): PoolModel {
  const { model } = draft.config;
  const isIn = (name: string) => !(name in basis.excluded);
  const held = (vm: VmModel): VmModel => {
    const pin = basis.pins[vm.name];
    const { apart, together, migratable } = vm.placement;
    const allowed = pin === undefined ? hostsWithStorage(draft, vm) : [pin];
    return {
      ...vm,
      placement: { apart: apart.filter(isIn), together: together.filter(isIn), migratable, ...(allowed === undefined ? {} : { on: allowed }) },
      start: { ...vm.start, after: vm.start.after.filter(isIn) },
    };
  };
  return { ...model, vms: model.vms.filter(({ name }) => isIn(name)).map(held) };
}

/** The hosts that `on:` allows and that don't lack shared storage the VM needs; undefined: any. */
function hostsWithStorage(draft: Draft, vm: VmModel): readonly string[] | undefined {
  const { on } = vm.placement;
  if (!vm.disks.some(({ storage }) => storage !== undefined)) return on;
  const lacking = [...draft.hosts.keys()].filter((name) => noStorageAt(draft, name, vm) !== undefined);
  return lacking.length === 0 ? on : (on ?? [...draft.hosts.keys()]).filter((name) => !lacking.includes(name));
}

function inventoryToPlan(draft: Draft, basis: PlanBasis): Inventory {
  const hosts: Record<string, HostInventory> = {};
  for (const [name, host] of draft.hosts) {
    if (host.state === 'failed') hosts[name] = { available: false, cause: host.cause ?? `${name} isn't up`, arrays: {} };
    else if (host.state === 'ready') hosts[name] = inventoryOf(host);
  }
  const running: Record<string, string> = {};
  for (const [name, { runsSince, host }] of draft.vms) {
    if (runsSince !== undefined && host !== undefined) running[name] = host;
  }
  return { hosts, disks: only(basis, places(draft), vmOfDisk), running };
}

function inventoryOf(host: HostNode): HostInventory {
  const arrays: Record<string, ArrayInventory> = {};
  for (const { status, capacityBytes } of host.arrays ?? []) {
    arrays[status.name] = {
      usable: status.mounted,
      degraded: status.state === 'degraded',
      ...(status.mounted ? { capacityBytes } : {}),
      ...(status.detail === undefined ? {} : { cause: status.detail }),
    };
  }
  return { available: true, arrays, ...(host.facts === undefined ? {} : { cpus: host.facts.cpus, memoryBytes: host.facts.memoryBytes }) };
}

function places(draft: Draft): Record<string, DiskPlace> {
  const known: Record<string, DiskPlace> = {};
  for (const [key, disk] of draft.disks) {
    const newest = newestPlace(disk);
    if (newest !== undefined) known[key] = newest.place;
  }
  return known;
}

function only<T>(basis: PlanBasis, values: Readonly<Record<string, T>>, vmOf: (key: string) => string): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !(vmOf(key) in basis.excluded)));
}

function vmOfDisk(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
