/** The state as the administrator sees it. */

import type { HostStatus, PoolSnapshot, VmStatus } from '../../../protocol';
import { isGood, isSettled } from './settled';
import type { HostNode, PoolState, PoolTiming, VmNode } from './state';
import { percentOf } from './steps';
import { waitInWords, waitsForPlace } from './waves';

export function snapshotOf(state: PoolState, now: number): PoolSnapshot {
  return {
    cluster: state.config.model.cluster.name,
    phase: !isSettled(state) ? 'booting' : isGood(state) ? 'up' : 'partly',
    at: new Date(now).toISOString(),
    hosts: [...state.hosts.values()].map((host) => hostStatus(host, state.config.timing)),
    vms: state.config.model.vms.flatMap(({ name }) => {
      const vm = state.vms.get(name);
      return vm === undefined ? [] : [vmStatus(vm)];
    }),
  };
}

export function hostStatus(host: HostNode, timing: PoolTiming): HostStatus {
  return {
    name: host.spec.name,
    address: host.spec.address,
    state: host.state,
    percent: percentOf(host.state, host.fraction),
    since: new Date(host.since).toISOString(),
    attempt: host.attempt,
    arrays: host.spec.arrays.map(({ name }) => host.arrays?.find(({ status }) => status.name === name)?.status ?? { name, state: 'unknown', mounted: false }),
    ...(host.facts === undefined ? {} : { xenVersion: host.facts.xenVersion }),
    ...(waitsForPlace(host) ? { waits: waitInWords(timing) } : {}),
    ...(host.cause === undefined ? {} : { cause: host.cause }),
    ...(host.remedy === undefined ? {} : { remedy: host.remedy }),
  };
}

export function vmStatus(vm: VmNode): VmStatus {
  return {
    name: vm.spec.name,
    state: vm.state,
    ...(vm.host === undefined ? {} : { host: vm.host }),
    ...(vm.reason === undefined ? {} : { reason: vm.reason }),
    ...(vm.remedy === undefined ? {} : { remedy: vm.remedy }),
  };
}
