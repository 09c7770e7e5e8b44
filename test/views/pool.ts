/** A small pool in all its states: two hosts, four VMs. */

import type { HostModel, PoolModel, VmModel } from '../../src/backend/drive/model';
import type { HostStatus, PlanJson, PoolSnapshot, VmStatus } from '../../src/protocol';

const GIB = 1024 ** 3;
export const AT = '2026-01-02T03:04:05.000Z';

export const MODEL: PoolModel = {
  cluster: {
    name: 'attic',
    network: { subnet: '10.0.0.0/24', server: '10.0.0.1', nameservers: [], domain: 'attic.internal', dhcp: 'authoritative' },
    boot: { image: 'dom0-1', timeoutMs: 600_000, attempts: 3, wakeAtOnce: 4, wakePauseMs: 3_000 },
    placement: { cpuOvercommit: 4, survive: 0, goal: 'balance' },
    storage: [],
  },
  hosts: [host('node1', 11), host('node2', 12)],
  vms: [vm('db1', 4), vm('dns1', 1), vm('huge', 64), vm('web1', 2)],
};

export const PLAN: PlanJson = {
  status: 'optimal',
  gap: 0,
  assignments: { db1: 'node1', dns1: 'node2', web1: 'node2' },
  disks: { 'db1/root': { host: 'node1', array: 'r0' } },
  unplaced: [{ vm: 'huge', priority: 10, reasons: ['node1 has 28 GiB free, huge needs 64 GiB', 'node2 has 29 GiB free, huge needs 64 GiB'], conflict: ['memory'] }],
  failures: [],
  actions: [
    { kind: 'create-disk', vm: 'db1', disk: 'root', to: { host: 'node1', array: 'r0' }, bytes: 40 * GIB, seconds: 5, after: [] },
    { kind: 'start', vm: 'dns1', host: 'node2', seconds: 5, after: [] },
    { kind: 'start', vm: 'db1', host: 'node1', seconds: 5, after: [] },
    { kind: 'start', vm: 'web1', host: 'node2', seconds: 5, after: [] },
  ],
  objective: { unplacedPriority: 10, unplaced: 1, surviveShortfall: 0, bytesMoved: 0, maxLoad: 0.38, loads: [0.38], hostsUsed: 2, moves: 0 },
  bound: { unplacedPriority: 10, unplaced: 1, surviveShortfall: 0, bytesMoved: 0, maxLoad: 0.38, loads: [0.38], hostsUsed: 2, moves: 0 },
};

export function hostStatus(name: string, state: HostStatus['state'], percent: number, more: Partial<HostStatus> = {}): HostStatus {
  return { name, address: '10.0.0.11', state, percent, since: AT, attempt: 1, arrays: [], ...more };
}

export function vmStatus(name: string, state: VmStatus['state'], more: Partial<VmStatus> = {}): VmStatus {
  return { name, state, ...more };
}

export function snapshot(phase: PoolSnapshot['phase'], hosts: readonly HostStatus[], vms: readonly VmStatus[]): PoolSnapshot {
  return { cluster: 'attic', phase, at: AT, hosts, vms };
}

function host(name: string, lastByte: number): HostModel {
  return {
    name,
    macs: [`52:54:00:aa:00:${lastByte}`],
    address: `10.0.0.${lastByte}`,
    cpus: 8,
    memoryBytes: 32 * GIB,
    reserve: { cpus: 1, memoryBytes: 2 * GIB },
    arrays: [
      { name: 'r0', uuid: '3aaa0122:29827cfa:5331ad66:ca767371', level: 'raid1', members: ['S1*', 'S2*'], mount: '/srv/r0', capacityBytes: 900 * GIB, bandwidthBps: 450e6, degraded: 'allow' },
    ],
    wake: { method: 'wol', port: 9 },
    labels: {},
  };
}

function vm(name: string, memoryGib: number): VmModel {
  return {
    name,
    vcpus: name === 'dns1' ? 1 : 2,
    memoryBytes: memoryGib * GIB,
    priority: 10,
    disks: [{ name: 'root', sizeBytes: 40 * GIB, bandwidthBps: 120e6 }],
    nics: [{ bridge: 'xenbr0' }],
    boot: { type: 'pv', bootloader: 'pygrub' },
    placement: { apart: [], together: [], migratable: true },
    start: { auto: true, after: name === 'web1' ? ['dns1'] : [], delayMs: 0 },
  };
}
