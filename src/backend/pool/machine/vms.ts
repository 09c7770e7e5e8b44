/**
 * A VM's way to running. After every event the same ladder is climbed anew for each VM: what is the first thing that is
 * missing, and who is asked for it? So nothing depends on which of two events came first.
 */

import type { Draft } from './draft';
import type { PoolInput } from './events';
import { addCopy, confirmDisks, nextGeneration } from './disks';
import { askHosts, knowledgeOf } from './domains';
import { assign } from './lock';
import { hasMounted, mountsOf, unreadAt } from './mounts';
import { mayStart, newestPlace, placeInWords } from './safety';
import { startOrder } from './startOrder';
import { type HostNode, type PoolConfig, type VmNode, diskKey } from './state';

export function newVms(config: PoolConfig): Map<string, VmNode> {
  return new Map(
    startOrder(config.model.vms).map((spec): [string, VmNode] => {
      const uuid = config.vmUuids[spec.name];
      if (uuid === undefined) throw new Error(`no UUID was derived for VM ${spec.name}`);
      return [
        spec.name,
        { spec, uuid, state: spec.start.auto ? 'waiting' : 'stopped', host: undefined, reason: undefined, remedy: undefined, making: [], runsSince: undefined, adopted: false, final: false, dueAt: undefined },
      ];
    }),
  );
}

/** Takes the end of something that was asked for. */
export function stepVm(draft: Draft, input: VmInput): void {
  const vm = draft.vm(input.vm);
  const making = 'disk' in input ? vm.making.filter((disk) => disk !== input.disk) : vm.making;
  switch (input.kind) {
    case 'disk-created':
      draft.updateVm(input.vm, { making });
      addCopy(draft, input.place, input.record);
      return;
    case 'disk-failed':
      draft.updateVm(input.vm, { making });
      if (draft.host(input.host).link === 'up') {
        fail(draft, input.vm, input.reason, input.remedy ?? 'Make room on the array or correct the source in the spec, then boot again: what exists is kept.');
      }
      return;
    case 'vm-started':
      if (draft.host(input.host).link === 'up') draft.updateVm(input.vm, { state: 'running', host: input.host, runsSince: draft.now, adopted: false });
      else draft.updateVm(input.vm, { state: 'waiting' });
      return;
    case 'vm-start-failed':
      if (draft.host(input.host).link === 'up') {
        fail(draft, input.vm, input.reason, input.remedy ?? `Look at /var/log/xen on ${input.host}.`);
        askHosts(draft, 'start');
      } else {
        draft.updateVm(input.vm, { state: 'waiting' });
      }
  }
}

export type VmInput = Extract<PoolInput, { readonly vm: string }>;

/** Takes every VM as far as it can go now. */
export function considerVms(draft: Draft): void {
  for (const name of draft.vms.keys()) considerVm(draft, name);
}

function considerVm(draft: Draft, name: string): void {
  const vm = draft.vm(name);
  if (vm.final || vm.runsSince !== undefined || vm.state === 'starting') {
    // It waits for no time any more; left standing, this one would be due for ever.
    draft.updateVm(name, { dueAt: undefined });
    return;
  }
  const say = (patch: Partial<VmNode> & Pick<VmNode, 'state'>) => draft.updateVm(name, { reason: undefined, remedy: undefined, dueAt: undefined, ...patch });
  if (!vm.spec.start.auto) {
    say({ state: 'stopped', reason: 'its spec says start.auto: false' });
    return;
  }
  const { plan, basis, computing, failure } = draft.planning;
  const unreachable = basis?.excluded[name];
  if (unreachable !== undefined) {
    say({ state: 'unplaced', host: undefined, reason: unreachable, remedy: 'Bring up what is missing and boot again. A disk that exists is never made anew elsewhere.' });
    return;
  }
  if (failure !== undefined) {
    say({ state: 'failed', reason: `no placement could be computed: ${failure}` });
    return;
  }
  if (plan === undefined || computing) {
    say({ state: vm.making.length > 0 ? 'preparing' : 'waiting', reason: 'waits for the placement' });
    return;
  }
  const hostName = plan.assignments[name];
  if (hostName === undefined) {
    const why = plan.unplaced.find((unplaced) => unplaced.vm === name);
    // `pxen plan` takes every host as its spec describes it: it can't show what is missing now.
    const remedy = (basis?.shortfalls.length ?? 0) > 0 ? 'Put right what failed above and boot again.' : '`pxen plan` shows what it would need.';
    say({ state: 'unplaced', host: undefined, reason: why?.reasons.join('; ') ?? 'no host has room for it', remedy });
    return;
  }
  const host = draft.host(hostName);
  if (host.state !== 'ready') {
    say({ state: 'waiting', host: hostName, reason: `waits for ${hostName}` });
    return;
  }
  if (makeMissingDisks(draft, name, hostName)) return;
  startWhenDue(draft, name, host, say);
}

/** True while a disk is missing. */
function makeMissingDisks(draft: Draft, name: string, host: string): boolean {
  const vm = draft.vm(name);
  const missing = vm.spec.disks.filter((disk) => newestPlace(draft.disk(diskKey(name, disk.name))) === undefined);
  for (const disk of missing) {
    if (draft.vm(name).making.includes(disk.name)) continue;
    const key = diskKey(name, disk.name);
    const place = draft.planning.plan?.disks[key];
    if (place === undefined) {
      fail(draft, name, `the placement gives its disk ${disk.name} no place`, '`pxen plan` shows the placement.');
      return true;
    }
    if (!hasMounted(draft.host(host), place)) {
      draft.updateVm(name, { state: 'failed', host, reason: `${placeInWords(place)}, where its disk ${disk.name} is to be made, isn't mounted on ${host}`, remedy: `Look on ${host} why (\`dmesg\`, /proc/mdstat, the network), then boot again.`, dueAt: undefined });
      return true;
    }
    const record = { vm: name, vmUuid: vm.uuid, disk: disk.name, generation: nextGeneration(draft.disk(key)), sizeBytes: disk.sizeBytes };
    draft.updateVm(name, { making: [...draft.vm(name).making, disk.name] });
    draft.emit({ kind: 'create-disk', vm: name, disk: disk.name, host, place, record });
  }
  const [first] = missing;
  if (first === undefined) return false;
  const place = draft.planning.plan?.disks[diskKey(name, first.name)];
  draft.updateVm(name, { state: 'preparing', host, reason: place === undefined ? undefined : `making disk ${first.name} on ${placeInWords(place)}`, remedy: undefined, dueAt: undefined });
  return true;
}

type Say = (patch: Partial<VmNode> & Pick<VmNode, 'state'>) => void;

function startWhenDue(draft: Draft, name: string, host: HostNode, say: Say): void {
  const vm = draft.vm(name);
  const hostName = host.spec.name;
  const order = startTime(draft, vm, host);
  if ('waitsFor' in order) {
    say({ state: 'waiting', host: hostName, reason: `waits for ${order.waitsFor} to run` });
    return;
  }
  if (order.at > draft.now) {
    say({ state: 'waiting', host: hostName, reason: 'waits out its start delay', dueAt: order.at });
    return;
  }
  const startingHere = [...draft.vms.values()].filter((other) => other.state === 'starting' && other.host === hostName).length;
  if (startingHere >= draft.config.timing.startsPerHost) {
    say({ state: 'waiting', host: hostName, reason: `waits for its turn on ${hostName}` });
    return;
  }
  if (draft.lock.failure !== undefined && !isRecorded(draft, vm, hostName)) {
    say({
      state: draft.lock.failures >= draft.config.timing.lockTries ? 'failed' : 'waiting',
      host: hostName,
      reason: `its place can't be recorded on the drive: ${draft.lock.failure}`,
      remedy: 'Check that the drive is plugged in, writable and not full.',
    });
    return;
  }
  const verdict = mayStart({ name, uuid: vm.uuid }, hostName, {
    now: draft.now,
    freshMs: draft.config.timing.surveyFreshMs,
    hosts: new Map([...draft.hosts].map(([key, node]) => [key, knowledgeOf(node)])),
    unread: [...draft.hosts.values()].flatMap(unreadAt),
    mounts: mountsOf(host),
    lastHost: draft.lock.content.assignments[name],
    disks: vm.spec.disks.map((disk) => draft.disk(diskKey(name, disk.name))),
  });
  if (!verdict.ok) {
    if (verdict.code === 'ask-first') askHosts(draft, 'start');
    const mayChange = verdict.code === 'ask-first' || [...draft.hosts.values()].some(({ state }) => state !== 'ready' && state !== 'failed');
    say({ state: mayChange ? 'waiting' : 'failed', host: hostName, reason: verdict.reason, remedy: verdict.remedy });
    return;
  }
  confirmDisks(draft, vm.spec);
  if (!isRecorded(draft, vm, hostName)) {
    assign(draft, name, hostName);
    say({ state: 'waiting', host: hostName, reason: 'its place is being recorded on the drive' });
    return;
  }
  const disks = vm.spec.disks.flatMap((disk) => {
    const newest = newestPlace(draft.disk(diskKey(name, disk.name)));
    if (newest === undefined) return [];
    return [{ place: newest.place, record: { vm: name, vmUuid: vm.uuid, disk: disk.name, generation: newest.generation, sizeBytes: disk.sizeBytes } }];
  });
  say({ state: 'starting', host: hostName, reason: order.without.length === 0 ? undefined : `started without ${order.without.join(', ')}` });
  draft.emit({ kind: 'start-vm', vm: name, host: hostName, disks });
}

/** Whether the VM's host and disks are safely on the drive. */
function isRecorded(draft: Draft, vm: VmNode, host: string): boolean {
  const { name } = vm.spec;
  const { written } = draft.lock;
  return written.assignments[name] === host && vm.spec.disks.every((disk) => {
    const key = diskKey(name, disk.name);
    return written.disks[key] !== undefined && written.disks[key] === draft.disk(key).locked;
  });
}

/** Who must run first; else when it may start, and which of its predecessors never will. */
function startTime(draft: Draft, vm: VmNode, host: HostNode): { readonly waitsFor: string } | { readonly at: number; readonly without: readonly string[] } {
  let from = vm.spec.start.after.length === 0 ? host.since : 0;
  const without: string[] = [];
  for (const name of vm.spec.start.after) {
    const other = draft.vms.get(name);
    if (other === undefined) continue;
    if (other.runsSince !== undefined) from = Math.max(from, other.adopted ? 0 : other.runsSince);
    else if (other.state === 'failed' || other.state === 'unplaced' || other.state === 'stopped') without.push(name);
    else return { waitsFor: name };
  }
  return { at: from + vm.spec.start.delayMs, without };
}

function fail(draft: Draft, name: string, reason: string, remedy: string): void {
  draft.updateVm(name, { state: 'failed', final: true, reason, remedy, dueAt: undefined });
}
