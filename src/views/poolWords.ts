/** The pool in a sentence, a percentage and a few characters: for progress, the last message and the status bar. */

import type { HostStatus, PoolSnapshot, VmStatus } from '../protocol';
import { hostDoes } from './looks';
import { count } from './count';

export interface Progress {
  /** 0…100. */
  readonly percent: number;
  readonly sentence: string;
}

/** How much of a boot's time hosts take; the rest is their VMs'. */
const HOSTS_SHARE = 0.7;

/** How far a boot is, and what is being waited for. */
export function bootProgress(snapshot: PoolSnapshot): Progress {
  const hosts = share(snapshot.hosts, (host) => (host.state === 'failed' ? 1 : host.percent / 100));
  const vms = share(snapshot.vms, (vm) => (UNDER_WAY.has(vm.state) ? 0 : 1));
  const slowest = snapshot.hosts
    .filter(({ state }) => state !== 'ready' && state !== 'failed')
    .reduce<HostStatus | undefined>((least, host) => (least && least.percent <= host.percent ? least : host), undefined);
  const vm = snapshot.vms.find(({ state }) => state === 'preparing' || state === 'starting');
  const waiting = slowest ? `; ${slowest.name} ${hostDoes(slowest)}` : vm ? `; ${vm.name} is ${vm.state}` : '';
  return {
    percent: Math.min(100, Math.round(100 * (HOSTS_SHARE * hosts + (1 - HOSTS_SHARE) * hosts * vms))),
    sentence: `${tally(snapshot)}${waiting}`,
  };
}

/** The words a boot ends with. */
export function bootSummary(snapshot: PoolSnapshot): string {
  const failures = [
    ...snapshot.hosts.filter(({ state }) => state === 'failed').map((host) => `${host.name}: ${host.cause ?? 'failed'}`),
    ...snapshot.vms.filter(({ state }) => state === 'failed' || state === 'unplaced').map((vm) => `${vm.name}: ${vm.reason ?? vm.state}`),
  ];
  const [first] = failures;
  if (first === undefined) return `${snapshot.cluster} is up: ${tally(snapshot)}.`;
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
  return `${snapshot.cluster} is partly up: ${tally(snapshot)}. ${first}${more}`;
}

/** For the status bar: `4/4 hosts · 12/12 VMs`. */
export function shortTally(snapshot: PoolSnapshot): string {
  return `${ready(snapshot)}/${snapshot.hosts.length} hosts · ${running(snapshot)}/${snapshot.vms.length} VMs`;
}

function tally(snapshot: PoolSnapshot): string {
  return `${ofAll(ready(snapshot), snapshot.hosts.length, 'host')} ready, ${ofAll(running(snapshot), snapshot.vms.length, 'VM')} running`;
}

/** `4 hosts` when that is all of them, `3 of 4 hosts` when it isn't. */
function ofAll(some: number, all: number, thing: string): string {
  return some === all ? count(all, thing) : `${some} of ${count(all, thing)}`;
}

function ready(snapshot: PoolSnapshot): number {
  return snapshot.hosts.filter(({ state }) => state === 'ready').length;
}

function running(snapshot: PoolSnapshot): number {
  return snapshot.vms.filter(({ state }) => state === 'running').length;
}

const UNDER_WAY: ReadonlySet<VmStatus['state']> = new Set(['waiting', 'preparing', 'starting', 'stopped']);

/** The mean of each item's part, 1 when there is none. */
function share<T>(items: readonly T[], part: (item: T) => number): number {
  return items.length === 0 ? 1 : items.reduce((total, item) => total + part(item), 0) / items.length;
}
