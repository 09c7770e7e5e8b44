/** Random pools of a given fill, the same for the same seed: memory is what is scarce. */

import type { PoolModel, VmModel } from '../../src/backend/drive/model';
import { seededNumbers } from '../../src/backend/placement/order';

const GIB = 2 ** 30;
const HOST_MEMORY = 126;

export interface PoolShape {
  readonly hosts: number;
  readonly vms: number;
  /** Share of all memory that the VMs need. */
  readonly fill: number;
  /** Kinds of VMs; absent: every VM is of its own kind. */
  readonly flavours?: number;
  readonly survive?: number;
  readonly goal?: 'balance' | 'consolidate';
  /** On shared storage, so that VMs migrate live; absent: on their host's array. */
  readonly shared?: boolean;
}

export function poolOf(shape: PoolShape): PoolModel {
  const random = seededNumbers(7);
  const kinds = Array.from({ length: shape.flavours ?? shape.vms }, () => ({ vcpus: 1 + random(8), weight: 4 + random(60), bandwidthBps: (1 + random(20)) * 1e6 }));
  const chosen = Array.from({ length: shape.vms }, (_, vm) => kinds[shape.flavours === undefined ? vm : random(shape.flavours)] ?? { vcpus: 1, weight: 1, bandwidthBps: 0 });
  const unit = (shape.fill * shape.hosts * HOST_MEMORY) / chosen.reduce((sum, { weight }) => sum + weight, 0);
  return {
    cluster: {
      name: 'bench',
      network: { subnet: '10.0.0.0/16', server: '10.0.0.1', nameservers: [], domain: 'bench.internal', dhcp: 'authoritative' },
      boot: { image: 'dom0-1', timeoutMs: 600_000, attempts: 3, wakeAtOnce: 4, wakePauseMs: 3_000 },
      placement: { cpuOvercommit: 4, survive: shape.survive ?? 0, goal: shape.goal ?? 'balance' },
      storage: shape.shared === true ? [{ name: 'nas', type: 'nfs', source: '10.0.0.9:/vms', capacityBytes: 1000 * 2 ** 40, bandwidthBps: 1e12 }] : [],
    },
    hosts: Array.from({ length: shape.hosts }, (_, host) => ({
      name: `h${host}`,
      macs: ['52:54:00:00:00:01'],
      address: '10.0.1.1',
      cpus: 32,
      memoryBytes: (HOST_MEMORY + 2) * GIB,
      reserve: { cpus: 1, memoryBytes: 2 * GIB },
      arrays: [{ name: 'r0', uuid: '0:0:0:0', level: 'raid1', members: [], mount: '/srv/r0', capacityBytes: 4000 * GIB, bandwidthBps: 2e9, degraded: 'allow' }],
      wake: { method: 'wol', port: 9 },
      labels: {},
    })),
    vms: chosen.map(
      ({ vcpus, weight, bandwidthBps }, vm): VmModel => ({
        name: `v${vm}`,
        vcpus,
        // Quarters of a GiB, as people write them.
        memoryBytes: Math.max(1, Math.floor(weight * unit * 4)) * (GIB / 4),
        priority: (vm % 5) * 10,
        disks: [{ name: 'root', sizeBytes: 20 * GIB, bandwidthBps, ...(shape.shared === true ? { storage: 'nas' } : {}) }],
        nics: [],
        boot: shape.shared === true ? { type: 'pvh', bootloader: 'pygrub' } : { type: 'pv', bootloader: 'pygrub' },
        placement: { apart: [], together: [], migratable: true },
        start: { auto: true, after: [], delayMs: 0 },
      }),
    ),
  };
}
