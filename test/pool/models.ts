/** Small models for the pool's tests. */

import { createHash } from 'node:crypto';
import type { DiskPlace } from '../../src/protocol';
import type { HostModel, PoolModel, VmModel } from '../../src/backend/drive/model';

const GIB = 2 ** 30;

export function aModel(hosts: readonly HostModel[], vms: readonly VmModel[]): PoolModel {
  return {
    cluster: {
      name: 'testpool',
      network: { subnet: '10.77.0.0/24', server: '10.77.0.1', nameservers: [], domain: 'test.internal', dhcp: 'authoritative' },
      boot: { image: 'dom0-1', timeoutMs: 100_000, attempts: 1, wakeAtOnce: 4, wakePauseMs: 3_000 },
      placement: { cpuOvercommit: 4, survive: 0, goal: 'balance' },
      storage: vms.some(({ disks }) => disks.some(({ storage }) => storage !== undefined)) ? [{ name: 'nas', type: 'nfs', source: '10.77.0.5:/vms', capacityBytes: 8192 * GIB, bandwidthBps: 400e6 }] : [],
    },
    hosts: [...hosts].sort(byName),
    vms: [...vms].sort(byName),
  };
}

export function aHost(name: string, arrays: readonly string[] = ['r0']): HostModel {
  const number = Number(/\d+/.exec(name)?.[0] ?? 0);
  return {
    name,
    macs: [`52:54:00:aa:00:${number.toString(16).padStart(2, '0')}`],
    address: `10.77.0.${10 + number}`,
    cpus: 8,
    memoryBytes: 32 * GIB,
    reserve: { cpus: 1, memoryBytes: 2 * GIB },
    arrays: arrays.map((array) => ({ name: array, uuid: uuidOf(`${name}/${array}`), level: 'raid1', members: [`${name}-a`, `${name}-b`], mount: `/srv/${array}`, capacityBytes: 900 * GIB, bandwidthBps: 450e6, degraded: 'allow' })),
    wake: { method: 'wol', port: 9 },
    labels: {},
  };
}

export interface VmOptions {
  readonly disks?: readonly string[];
  readonly after?: readonly string[];
  readonly delayMs?: number;
  readonly priority?: number;
  readonly auto?: boolean;
  readonly on?: readonly string[];
  readonly storage?: string;
}

export function aVm(name: string, options: VmOptions = {}): VmModel {
  return {
    name,
    vcpus: 1,
    memoryBytes: GIB,
    priority: options.priority ?? 50,
    disks: (options.disks ?? []).map((disk) => ({ name: disk, sizeBytes: GIB, bandwidthBps: 1e6, ...(options.storage === undefined ? {} : { storage: options.storage }) })),
    nics: [{ bridge: 'xenbr0' }],
    boot: { type: 'pv', bootloader: 'pygrub' },
    placement: { apart: [], together: [], migratable: true, ...(options.on === undefined ? {} : { on: options.on }) },
    start: { auto: options.auto ?? true, after: options.after ?? [], delayMs: options.delayMs ?? 0 },
  };
}

/** A UUID that follows from a text. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/** `node1/r0:2`, `nas:1`; the generation may be absent. */
export function parsePlace(text: string): { readonly place: DiskPlace; readonly generation: number } {
  const [where = '', generation = '1'] = text.split(':');
  const [host = '', array] = where.split('/');
  return { place: array === undefined ? { storage: host } : { host, array }, generation: Number(generation) };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
