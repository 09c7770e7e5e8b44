/** Small pools for the tests, written as briefly as they can be read. */

import type { ArrayModel, ClusterModel, DiskModel, HostModel, PlacementPolicy, PoolModel, SharedStorageModel, VmModel, VmPlacementModel } from '../../src/backend/drive/model';

export const GIB = 2 ** 30;
export const MB = 1e6;

export interface HostSketch {
  readonly name: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly arrays?: readonly ArraySketch[];
  readonly architecture?: HostModel['architecture'];
  readonly cpuFeatures?: readonly string[];
  readonly devices?: Readonly<Record<string, number>>;
}

export interface ArraySketch {
  readonly name: string;
  readonly capacity?: number;
  readonly bandwidth?: number;
  readonly iops?: number;
  readonly degraded?: ArrayModel['degraded'];
}

export interface VmSketch extends Partial<VmPlacementModel> {
  readonly name: string;
  readonly vcpus?: number;
  readonly memory?: number;
  readonly priority?: number;
  readonly disks?: readonly DiskSketch[];
  readonly auto?: boolean;
  readonly after?: readonly string[];
  readonly type?: VmModel['boot']['type'];
  readonly architecture?: VmModel['architecture'];
  readonly cpuFeatures?: readonly string[];
  readonly devices?: Readonly<Record<string, number>>;
}

export interface DiskSketch {
  readonly name: string;
  readonly size?: number;
  readonly bandwidth?: number;
  readonly iops?: number;
  readonly storage?: string;
}

export interface PoolSketch extends Partial<PlacementPolicy> {
  readonly hosts: readonly HostSketch[];
  readonly vms: readonly VmSketch[];
  readonly storage?: readonly { readonly name: string; readonly capacity: number; readonly bandwidth: number }[];
}

/** Memory and sizes in GiB, bandwidth in MB/s. */
export function pool({ hosts, vms, storage = [], ...policy }: PoolSketch): PoolModel {
  return {
    cluster: cluster({ cpuOvercommit: 1, survive: 0, goal: 'balance', ...policy }, storage.map((nas): SharedStorageModel => ({ name: nas.name, type: 'nfs', source: `10.0.0.9:/${nas.name}`, capacityBytes: nas.capacity * GIB, bandwidthBps: nas.bandwidth * MB }))),
    hosts: hosts.map(host),
    vms: vms.map(vm),
  };
}

function cluster(placement: PlacementPolicy, storage: readonly SharedStorageModel[]): ClusterModel {
  return {
    name: 'test',
    network: { subnet: '10.0.0.0/24', server: '10.0.0.1', nameservers: [], domain: 'test.internal', dhcp: 'authoritative' },
    boot: { image: 'dom0-1', timeoutMs: 600_000, attempts: 3, wakeAtOnce: 4, wakePauseMs: 3_000 },
    placement,
    storage,
  };
}

function host({ name, cpus = 16, memory = 64, arrays = [], ...nature }: HostSketch): HostModel {
  return {
    ...natureOf(nature),
    name,
    macs: ['52:54:00:00:00:01'],
    address: '10.0.0.11',
    cpus,
    memoryBytes: memory * GIB,
    reserve: { cpus: 0, memoryBytes: 0 },
    arrays: arrays.map((array) => ({
      name: array.name,
      uuid: '0:0:0:0',
      level: 'raid1',
      members: ['a', 'b'],
      mount: `/srv/${array.name}`,
      capacityBytes: (array.capacity ?? 1000) * GIB,
      bandwidthBps: (array.bandwidth ?? 1000) * MB,
      degraded: array.degraded ?? 'allow',
      ...(array.iops === undefined ? {} : { iops: array.iops }),
    })),
    wake: { method: 'wol', port: 9 },
    labels: {},
  };
}

function vm({ name, vcpus = 1, memory = 1, priority = 0, disks = [], auto = true, after = [], on, apart = [], together = [], migratable = true, type = 'pv', ...nature }: VmSketch): VmModel {
  return {
    ...natureOf(nature),
    name,
    vcpus,
    memoryBytes: memory * GIB,
    priority,
    disks: disks.map((disk): DiskModel => ({
      name: disk.name,
      sizeBytes: (disk.size ?? 10) * GIB,
      bandwidthBps: (disk.bandwidth ?? 10) * MB,
      ...(disk.iops === undefined ? {} : { iops: disk.iops }),
      ...(disk.storage === undefined ? {} : { storage: disk.storage }),
    })),
    nics: [],
    boot: type === 'hvm' ? { type } : { type, bootloader: 'pygrub' },
    placement: { apart, together, migratable, ...(on === undefined ? {} : { on }) },
    start: { auto, after, delayMs: 0 },
  };
}

/** What the sketch says; what it leaves open stays absent. */
function natureOf({ architecture, cpuFeatures, devices }: Pick<HostSketch & VmSketch, 'architecture' | 'cpuFeatures' | 'devices'>): Pick<HostModel, 'architecture' | 'cpuFeatures' | 'devices'> {
  return { ...(architecture === undefined ? {} : { architecture }), ...(cpuFeatures === undefined ? {} : { cpuFeatures }), ...(devices === undefined ? {} : { devices }) };
}
