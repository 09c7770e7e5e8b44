/** When a boot has come to its end, and how it ended. */

import type { PoolState } from './state';

/** Nothing more happens by itself: every host is up or given up, every VM runs or has a reason not to. */
export function isSettled(state: PoolState): boolean {
  const { planning, lock, config } = state;
  return (
    planning.basis !== undefined &&
    !planning.computing &&
    (lock.content === lock.written || lock.failures >= config.timing.lockTries) &&
    (state.survey.askedAt === undefined || state.survey.watching) &&
    [...state.hosts.values()].every((host) => host.state === 'ready' || host.state === 'failed') &&
    [...state.vms.values()].every((vm) => vm.making.length === 0 && (vm.state === 'running' || vm.state === 'failed' || vm.state === 'unplaced' || vm.state === 'stopped'))
  );
}

/** Everything the specs ask for is there. */
export function isGood(state: PoolState): boolean {
  return (
    [...state.hosts.values()].every(
      (host) => host.state === 'ready' && host.spec.arrays.every(({ name }) => host.arrays?.find(({ status }) => status.name === name)?.status.mounted === true),
    ) && [...state.vms.values()].every((vm) => vm.state === 'running' || vm.state === 'stopped')
  );
}
