/** Where VMs will run, as the specs stand: the plan with what it means for each host, and what is wrong with it. */

import type { PoolModel, VmModel } from '../../backend/drive/model';
import type { SpecPath } from '../../backend/drive/places';
import type { SpecDocument } from '../../backend/drive/specFile';
import { EMPTY_INVENTORY, type PreviousPlacement } from '../../backend/placement/inputs';
import { vmMemoryNeed } from '../../backend/placement/capacity';
import { planText } from '../../backend/placement/planText';
import { poolLoads, type HostLoads, type Load, type PoolLoads } from '../../backend/placement/loads';
import type { DiskPlace, PlanJson, Severity, UnplacedVm } from '../../protocol';
import type { TextRange } from './edits';
import type { EditorDrive, EditorFile } from './editorDrive';
import { descend, itemCount, textOf } from './nodes';
import { occurrenceId, type Occurrence } from './occurrences';

/** A plan with the model it is for. */
export interface Placement {
  readonly model: PoolModel;
  readonly plan: PlanJson;
  readonly loads: PoolLoads;
  /** The quick plan, of which a proof is on its way. */
  readonly isProving: boolean;
  /** The proof has put VMs or disks elsewhere than the quick plan, which is the one that booting follows. */
  readonly bootsOtherwise: boolean;
}

/** `quick` is the plan that `plan` was proven from. */
export function placementOf(model: PoolModel, plan: PlanJson, previous: PreviousPlacement, { isProving = false, quick = plan }: { readonly isProving?: boolean; readonly quick?: PlanJson } = {}): Placement {
  const placesOf = ({ assignments, disks }: PlanJson) => JSON.stringify([sorted(assignments), sorted(disks)]);
  return { model, plan, loads: poolLoads(model, EMPTY_INVENTORY, previous, plan), isProving, bootsOtherwise: quick !== plan && placesOf(quick) !== placesOf(plan) };
}

function sorted(places: Readonly<Record<string, unknown>>): readonly unknown[] {
  return Object.entries(places).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The whole plan, as `pxen plan` tells it. */
export function placementText({ model, plan, loads, isProving, bootsOtherwise }: Placement): string {
  const text = planText(model, plan, loads, isProving ? 'The solver is at it.' : '');
  return bootsOtherwise ? `${text}Booting doesn't wait for the solver: it follows the quick plan, which \`pxen plan --max-moves 0\` shows.\n` : text;
}

/** What only a plan can tell; codes beside those of `pxen validate`. */
export interface PlacementProblem extends TextRange {
  readonly file: string;
  readonly code: 'vm-unplaced' | 'load-too-high' | 'survive-broken';
  readonly severity: Severity;
  readonly message: string;
  readonly related: readonly (TextRange & { readonly file: string; readonly message: string })[];
}

/**
 * Problems at the keys that are to blame. While some specs have errors the plan is that of an earlier state: it is told of the others, so
 * that half a word in one file doesn't make the problems of all come and go.
 */
export function placementProblems(drive: EditorDrive, placement: Placement, known = new KnownUnplaced()): readonly PlacementProblem[] {
  return [...known.problems(drive, placement), ...overloads(drive, placement), ...broken(drive, placement)];
}

/**
 * What was found of VMs without a place, of which there may be thousands: while the plan and the files that a problem points into stay as
 * they are, it is the very same one after the next keystroke.
 */
export class KnownUnplaced {
  #placement: Placement | undefined;
  /** By VM. */
  readonly #known = new Map<string, { readonly problems: readonly PlacementProblem[]; readonly files: readonly (EditorFile | undefined)[] }>();

  problems(drive: EditorDrive, placement: Placement): readonly PlacementProblem[] {
    if (this.#placement !== placement) this.#known.clear();
    this.#placement = placement;
    const find = finder(drive, placement);
    return placement.plan.unplaced.flatMap((vm) => {
      const known = this.#known.get(vm.vm);
      if (known?.files.every((file) => file !== undefined && drive.files.get(file.file) === file) === true) return known.problems;
      const problems = find(vm);
      const files = problems.flatMap(({ file, related }) => [file, ...related.map((other) => other.file)]);
      // Where nothing was found, there may be something next time.
      if (files.length > 0) this.#known.set(vm.vm, { problems, files: [...new Set(files)].map((file) => drive.files.get(file)) });
      else this.#known.delete(vm.vm);
      return problems;
    });
  }
}

/** Each VM without a place names some of the same few hosts: what is said of those is made once, and only if any VM is looked at. */
function finder(drive: EditorDrive, placement: Placement): (vm: UnplacedVm) => readonly PlacementProblem[] {
  let shared: { readonly specs: ReadonlyMap<string, VmModel>; readonly rooms: ReadonlyMap<string, PlacementProblem['related']> } | undefined;
  return (vm) => {
    shared ??= {
      specs: new Map(placement.model.vms.map((spec) => [spec.name, spec])),
      rooms: new Map(placement.loads.hosts.map((load) => [load.host, relatedTo(drive, 'host', load.host, freeRoom(load))])),
    };
    return unplaced(drive, placement, vm, shared.specs, shared.rooms);
  };
}

function unplaced(drive: EditorDrive, { model, loads }: Placement, { vm, reasons, conflict }: UnplacedVm, specs: ReadonlyMap<string, VmModel>, rooms: ReadonlyMap<string, PlacementProblem['related']>): readonly PlacementProblem[] {
  const found = documentOf(drive, 'vm', vm);
  const spec = specs.get(vm);
  if (!found || !spec) return [];
  const place = placeOf(found, blamedPath(spec, model, loads, reasons));
  // The hosts it could run on are where room could be made.
  const allowed = spec.placement.on ?? model.hosts.map(({ name }) => name);
  const related = allowed.slice(0, MOST_RELATED).flatMap((host) => rooms.get(host) ?? []);
  const others = [...spec.placement.apart, ...spec.placement.together].flatMap((other) => (conflict.some((requirement) => requirement.includes(other)) ? relatedTo(drive, 'vm', other, `${other} is part of the conflict`) : []));
  const message = [`No host can run ${vm}.`, ...reasons.map((reason) => `• ${reason}`), ...(conflict.length > 1 ? [`These can't hold together: ${conflict.join('; ')}.`] : [])].join('\n');
  return [{ ...place, code: 'vm-unplaced', severity: 'warning', message, related: [...related, ...others] }];
}

const MOST_RELATED = 8;

/** The key whose value no host could meet even if it were empty; the list of hosts or VMs that shuts it out; else the name. */
function blamedPath(vm: VmModel, model: PoolModel, { hosts }: PoolLoads, reasons: readonly string[]): SpecPath {
  const chosen = vm.placement.on && new Set(vm.placement.on);
  const allowed = hosts.filter(({ host }) => chosen?.has(host) ?? true);
  if (vm.placement.on && allowed.length === 0) return ['placement', 'on'];
  if (allowed.every(({ memoryBytes }) => memoryBytes.capacity < vmMemoryNeed(vm))) return ['memory'];
  if (allowed.every(({ milliCpus }) => milliCpus.capacity < vm.vcpus * 1000)) return ['vcpus'];
  const volumes = allowed.flatMap(({ arrays }) => arrays);
  const index = vm.disks.findIndex((disk) => disk.storage === undefined && volumes.every(({ spaceBytes, bandwidthBps }) => spaceBytes.capacity < disk.sizeBytes || bandwidthBps.capacity < disk.bandwidthBps));
  const disk = vm.disks[index];
  if (disk) return ['disks', index, volumes.every(({ spaceBytes }) => spaceBytes.capacity < disk.sizeBytes) ? 'size' : 'bandwidth'];
  if (vm.placement.on && vm.placement.on.length < model.hosts.length) return ['placement', 'on'];
  if (vm.placement.apart.length > 0 && reasons.some((reason) => reason.includes('apart'))) return ['placement', 'apart'];
  if (vm.placement.together.length > 0 && reasons.some((reason) => reason.includes('together'))) return ['placement', 'together'];
  return ['name'];
}

function freeRoom(host: HostLoads): string {
  const arrays = host.arrays.map(({ name: array, spaceBytes }) => `${gibibytes(spaceBytes.capacity - spaceBytes.used)} on ${array}`);
  return `${host.host} has ${[`${Math.max(0, host.milliCpus.capacity - host.milliCpus.used) / 1000} vCPUs`, `${gibibytes(host.memoryBytes.capacity - host.memoryBytes.used)} of memory`, ...arrays].join(', ')} left`;
}

/** What existing disks and running VMs take more of than there is, for instance after a capacity was lowered. */
function overloads(drive: EditorDrive, { model, loads }: Placement): readonly PlacementProblem[] {
  return loads.hosts.filter(isOverloaded).flatMap((host) => {
    const found = documentOf(drive, 'host', host.host);
    const index = (array: string) => model.hosts.find(({ name }) => name === host.host)?.arrays.findIndex(({ name }) => name === array) ?? -1;
    if (!found) return [];
    const arrays = host.arrays.flatMap(({ name, spaceBytes, bandwidthBps }) => [
      ...overload(found, ['arrays', arrayIndex(found, name, index(name)), 'capacity'], spaceBytes, `The disks on ${name} take`, gibibytes),
      ...overload(found, ['arrays', arrayIndex(found, name, index(name)), 'bandwidth'], bandwidthBps, `The disks on ${name} are promised`, megabytesPerSecond),
    ]);
    return [...overload(found, ['cpus'], host.milliCpus, `The VMs on ${host.host} take`, (value) => `${value / 1000} vCPUs`), ...overload(found, ['memory'], host.memoryBytes, `The VMs on ${host.host} take`, gibibytes), ...arrays];
  });
}

function isOverloaded({ milliCpus, memoryBytes, arrays }: HostLoads): boolean {
  return [milliCpus, memoryBytes, ...arrays.flatMap(({ spaceBytes, bandwidthBps }) => [spaceBytes, bandwidthBps])].some(({ used, capacity }) => used > capacity);
}

function overload(found: SpecDocument, path: SpecPath, { used, capacity }: Load, what: string, words: (value: number) => string): readonly PlacementProblem[] {
  if (used <= capacity) return [];
  return [{ ...placeOf(found, path), code: 'load-too-high', severity: 'warning', message: `${what} ${words(used)}, and there are ${words(capacity)} (${percent(used / capacity)}). Lower what they ask for, or move some elsewhere.`, related: [] }];
}

/** The model sorts arrays by name; the spec keeps them as written. */
function arrayIndex({ yaml }: SpecDocument, name: string, fallback: number): number {
  const index = Array.from({ length: itemCount(yaml.contents, ['arrays']) }).findIndex((_, candidate) => textOf(descend(yaml.contents, ['arrays', candidate, 'name']).node) === name);
  return index < 0 ? fallback : index;
}

function broken(drive: EditorDrive, { model, plan }: Placement): readonly PlacementProblem[] {
  const found = plan.failures.length === 0 ? undefined : documentOf(drive, 'cluster', model.cluster.name);
  if (!found) return [];
  const shown = plan.failures.slice(0, 3).map(({ hosts, vms }) => `• Without ${hosts.join(' and ')}, there is no room for ${vms.join(', ')}.`);
  const more = plan.failures.length > 3 ? [`• … and ${plan.failures.length - 3} more.`] : [];
  const related = plan.failures.flatMap(({ hosts, vms }) => hosts.flatMap((host) => relatedTo(drive, 'host', host, `${vms.join(', ')} would stay out without ${host}`)));
  const message = [`The pool can't bear the failure of ${model.cluster.placement.survive === 1 ? 'any one host' : `any ${model.cluster.placement.survive} hosts`}.`, ...shown, ...more].join('\n');
  return [{ ...placeOf(found, ['placement', 'survive']), code: 'survive-broken', severity: 'warning', message, related: related.slice(0, MOST_RELATED) }];
}

export function definitionOf(drive: EditorDrive, sort: Occurrence['sort'], name: string): Occurrence | undefined {
  return drive.definitions.get(occurrenceId(sort, name));
}

/** Undefined also where the document has errors of its own, which come first. */
function documentOf(drive: EditorDrive, sort: Occurrence['sort'], name: string): SpecDocument | undefined {
  const definition = definitionOf(drive, sort, name);
  return definition && drive.files.get(definition.file)?.spec.documents.find(({ yaml, part }) => part !== undefined && yaml.range[0] <= definition.start && definition.end <= yaml.range[2]);
}

function placeOf({ places }: SpecDocument, path: SpecPath): TextRange & { readonly file: string } {
  return places.written(path) === undefined ? places.key(path) : places.value(path);
}

function relatedTo(drive: EditorDrive, sort: Occurrence['sort'], name: string, message: string): PlacementProblem['related'] {
  const definition = definitionOf(drive, sort, name);
  return definition ? [{ file: definition.file, start: definition.start, end: definition.end, message }] : [];
}

/** `node1/r0`, or the name of the shared storage. */
export function diskPlaceName(place: DiskPlace): string {
  return 'storage' in place ? place.storage : place.array;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function gibibytes(bytes: number): string {
  const value = Math.max(0, bytes) / 1024 ** 3;
  return value >= 1024 ? `${Number((value / 1024).toPrecision(3))} TiB` : `${Number(value.toPrecision(3))} GiB`;
}

function megabytesPerSecond(bps: number): string {
  return `${Math.round(bps / 1e6)} MB/s`;
}
