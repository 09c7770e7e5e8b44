/** A valid spec → its share of the model: quantities as numbers, defaults filled in, texts in one form. References and the order of lists stay as written. */

import type { ClusterSpec } from './generated/clusterSpec';
import type { HostSpec, RaidArray } from './generated/hostSpec';
import type { Disk, VmBoot, VmSpec } from './generated/vmSpec';
import type { ArrayModel, ClusterModel, DiskModel, HostModel, NetworkModel, VmBootModel, VmModel, WakeModel } from './model';
import type { Places, SpecPath } from './places';
import * as problems from './problems';
import type { Problem } from './problems';
import { parseQuantity, type QuantityKind } from './quantity';

/** The model is to be used only when there are no problems. */
export interface Conversion<Model> {
  readonly model: Model;
  readonly problems: readonly Problem[];
}

/** Values that hold where a spec says nothing; the schemas' `default`s say the same, and a test compares them. */
export const DEFAULTS = {
  boot: { image: 'dom0-1', timeout: '10m', attempts: 3, wakeAtOnce: 4, wakePause: '3s' },
  placement: { cpuOvercommit: 4, survive: 0, goal: 'balance' },
  dhcp: 'authoritative',
  lease: '1h',
  reserve: { cpus: 1, memory: '2GiB' },
  wolPort: 9,
  degraded: 'never',
  priority: 100,
  bandwidth: '0MB/s',
  bridge: 'xenbr0',
  delay: '0s',
} as const;

export function clusterModel(spec: ClusterSpec, places: Places): Conversion<ClusterModel> {
  const quantities = new Quantities(places);
  const { network, boot = {}, placement = {}, storage = [] } = spec;
  const model: ClusterModel = {
    name: spec.name,
    network: {
      subnet: network.subnet,
      server: network.server,
      ...(network.interface !== undefined && { interface: network.interface }),
      ...(network.gateway !== undefined && { gateway: network.gateway }),
      nameservers: network.nameservers ?? [network.server],
      ...(network.forwarders !== undefined && { forwarders: network.forwarders }),
      domain: network.domain ?? `${spec.name}.internal`,
      dhcp: network.dhcp ?? DEFAULTS.dhcp,
      ...rangeModel(network, quantities),
    },
    boot: {
      image: boot.image ?? DEFAULTS.boot.image,
      timeoutMs: quantities.positive('duration', boot.timeout ?? DEFAULTS.boot.timeout, ['boot', 'timeout']),
      attempts: boot.attempts ?? DEFAULTS.boot.attempts,
      wakeAtOnce: boot.wakeAtOnce ?? DEFAULTS.boot.wakeAtOnce,
      wakePauseMs: quantities.positive('duration', boot.wakePause ?? DEFAULTS.boot.wakePause, ['boot', 'wakePause']),
    },
    placement: { ...DEFAULTS.placement, ...placement },
    storage: storage.map(({ name, type, source, capacity, bandwidth }, index) => ({
      name,
      type,
      source,
      capacityBytes: quantities.positive('bytes', capacity, ['storage', index, 'capacity']),
      bandwidthBps: quantities.positive('bandwidth', bandwidth, ['storage', index, 'bandwidth']),
    })),
  };
  return { model, problems: quantities.problems };
}

/** What machines that aren't on the drive get. A range beside another DHCP server lends nothing. */
function rangeModel({ dhcp, range, unknown }: ClusterSpec['network'], quantities: Quantities): Pick<NetworkModel, 'range' | 'menuForUnknown'> {
  const lends = range !== undefined && (dhcp ?? DEFAULTS.dhcp) === 'authoritative';
  const leaseMs = range === undefined ? 0 : quantities.atLeast(SHORTEST_LEASE, 'duration', range.lease ?? DEFAULTS.lease, ['network', 'range', 'lease']);
  return {
    ...(lends && { range: { from: range.from, to: range.to, leaseMs } }),
    ...((unknown ?? (lends ? 'menu' : 'ignore')) === 'menu' && { menuForUnknown: true }),
  };
}

/** Shorter ones would have machines ask all the time. */
const SHORTEST_LEASE = '2m';

export function hostModel(spec: HostSpec, places: Places): Conversion<HostModel> {
  const quantities = new Quantities(places);
  const [firstMac = '', ...otherMacs] = spec.macs.map(canonicalMac);
  const model: HostModel = {
    name: spec.name,
    macs: [firstMac, ...otherMacs],
    address: spec.address,
    cpus: spec.cpus,
    memoryBytes: quantities.positive('bytes', spec.memory, ['memory']),
    reserve: {
      cpus: spec.reserve?.cpus ?? DEFAULTS.reserve.cpus,
      memoryBytes: quantities.read('bytes', spec.reserve?.memory ?? DEFAULTS.reserve.memory, ['reserve', 'memory']),
    },
    ...natureOf(spec),
    arrays: (spec.arrays ?? []).map((array, index) => arrayModel(array, ['arrays', index], quantities)),
    wake: wakeModel(spec.wake ?? { method: 'wol' }),
    labels: spec.labels ?? {},
  };
  return { model, problems: [...quantities.problems, ...(quantities.problems.length === 0 ? reserveProblems(model, spec, places) : [])] };
}

export function vmModel(spec: VmSpec, places: Places): Conversion<VmModel> {
  const quantities = new Quantities(places);
  const { placement = {}, start = {} } = spec;
  const model: VmModel = {
    name: spec.name,
    ...(spec.uuid !== undefined && { uuid: spec.uuid.toLowerCase() }),
    vcpus: spec.vcpus,
    memoryBytes: quantities.positive('bytes', spec.memory, ['memory']),
    ...natureOf(spec),
    priority: spec.priority ?? DEFAULTS.priority,
    disks: (spec.disks ?? []).map((disk, index) => diskModel(disk, ['disks', index], quantities)),
    nics: (spec.nics ?? [{}]).map(({ bridge, mac }) => ({ bridge: bridge ?? DEFAULTS.bridge, ...(mac !== undefined && { mac: canonicalMac(mac) }) })),
    boot: vmBootModel(spec.boot),
    placement: {
      ...(placement.on && { on: placement.on }),
      apart: placement.apart ?? [],
      together: placement.together ?? [],
      migratable: placement.migratable ?? true,
    },
    start: {
      auto: start.auto ?? true,
      after: start.after ?? [],
      delayMs: quantities.read('duration', start.delay ?? DEFAULTS.delay, ['start', 'delay']),
    },
  };
  return { model, problems: quantities.problems };
}

/** What a host is, or a VM needs of it, beside room; only what the spec says. */
function natureOf({ architecture, cpuFeatures, devices }: HostSpec | VmSpec): Pick<HostModel & VmModel, 'architecture' | 'cpuFeatures' | 'devices'> {
  return {
    ...(architecture !== undefined && { architecture }),
    ...(cpuFeatures !== undefined && { cpuFeatures: [...cpuFeatures].sort() }),
    ...(devices !== undefined && { devices: Object.fromEntries(Object.entries(devices).sort(([a], [b]) => (a < b ? -1 : 1))) }),
  };
}

/** Lower case, colons: `52-54-00-AA-00-01` → `52:54:00:aa:00:01`. */
export function canonicalMac(mac: string): string {
  return mac.toLowerCase().replaceAll('-', ':');
}

function arrayModel(array: RaidArray, path: SpecPath, quantities: Quantities): ArrayModel {
  return {
    name: array.name,
    uuid: array.uuid.toLowerCase(),
    level: array.level,
    members: array.members,
    mount: array.mount ?? `/srv/${array.name}`,
    capacityBytes: quantities.positive('bytes', array.capacity, [...path, 'capacity']),
    bandwidthBps: quantities.positive('bandwidth', array.bandwidth, [...path, 'bandwidth']),
    ...(array.iops !== undefined && { iops: array.iops }),
    degraded: array.degraded ?? DEFAULTS.degraded,
  };
}

function diskModel(disk: Disk, path: SpecPath, quantities: Quantities): DiskModel {
  return {
    name: disk.name,
    sizeBytes: quantities.positive('bytes', disk.size, [...path, 'size']),
    bandwidthBps: quantities.read('bandwidth', disk.bandwidth ?? DEFAULTS.bandwidth, [...path, 'bandwidth']),
    ...(disk.iops !== undefined && { iops: disk.iops }),
    ...(disk.source !== undefined && { source: disk.source }),
    ...(disk.storage !== undefined && { storage: disk.storage }),
  };
}

function wakeModel(wake: NonNullable<HostSpec['wake']>): WakeModel {
  return wake.method === 'wol' ? { ...wake, port: wake.port ?? DEFAULTS.wolPort } : wake;
}

/** The schema lets exactly one of `kernel` and `bootloader` through. */
function vmBootModel(boot: VmBoot): VmBootModel {
  if (boot.type === 'hvm') return { type: boot.type };
  const { type, kernel, ramdisk, cmdline } = boot;
  if (kernel === undefined) return { type, bootloader: 'pygrub' };
  return { type, kernel, ...(ramdisk !== undefined && { ramdisk }), ...(cmdline !== undefined && { cmdline }) };
}

function reserveProblems(model: HostModel, spec: HostSpec, places: Places): readonly Problem[] {
  const found: Problem[] = [];
  if (model.reserve.cpus > model.cpus) found.push(problems.reserveTooLarge(places.value(spec.reserve?.cpus === undefined ? ['cpus'] : ['reserve', 'cpus']), counted(model.reserve.cpus), counted(model.cpus)));
  if (model.reserve.memoryBytes >= model.memoryBytes)
    found.push(problems.reserveTooLarge(places.value(spec.reserve?.memory === undefined ? ['memory'] : ['reserve', 'memory']), `${spec.reserve?.memory ?? DEFAULTS.reserve.memory} of memory`, spec.memory));
  return found;
}

function counted(cpus: number): string {
  return `${cpus} CPU${cpus === 1 ? '' : 's'}`;
}

/** Reads quantities and gathers what is wrong with them. */
class Quantities {
  readonly problems: Problem[] = [];

  constructor(private readonly places: Places) {}

  read(kind: QuantityKind, written: string, path: SpecPath): number {
    const result = parseQuantity(kind, written);
    if ('value' in result) return result.value;
    this.problems.push(problems.quantityFault(this.places.value(path), String(path.at(-1)), kind, JSON.stringify(written), result.fault));
    return 0;
  }

  positive(kind: QuantityKind, written: string, path: SpecPath): number {
    const before = this.problems.length;
    const value = this.read(kind, written, path);
    if (value === 0 && this.problems.length === before) this.problems.push(problems.quantityZero(this.places.value(path), String(path.at(-1))));
    return value;
  }

  atLeast(least: string, kind: QuantityKind, written: string, path: SpecPath): number {
    const value = this.positive(kind, written, path);
    if (value > 0 && value < this.read(kind, least, path)) this.problems.push(problems.quantityTooSmall(this.places.value(path), String(path.at(-1)), written, least));
    return value;
  }
}
