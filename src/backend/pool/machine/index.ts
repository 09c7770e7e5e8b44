/**
 * The pool's state machine: (state, event, time) → (state, effects). No clock, no sockets, no promises: the runner
 * (`../run.ts`) carries out the effects and feeds their ends back in as events.
 */

import type { BootModel } from '../../drive/model';
import { newDisks, readDisks } from './disks';
import { Draft } from './draft';
import type { PoolEffect, PoolInput } from './events';
import { askHosts, hostsAnswered, readDomains, releaseVms, retryVms } from './domains';
import { hostDeadlines, newHosts, startHosts, stepHost, tickHosts, wakeHosts } from './hosts';
import { lockEnded, writeLock } from './lock';
import { planDeadline, planEnded, planIfNeeded } from './planning';
import type { PoolConfig, PoolState, PoolTiming } from './state';
import { LISTING_MS, stepLimits } from './steps';
import { considerVms, newVms, stepVm } from './vms';
import { nextPlaceAt, waitsForPlace } from './waves';

export type { DiskAtHost, PoolEffect, PoolInput, SurveyAnswer, Trouble } from './events';
export type { HostPast, PoolConfig, PoolState, PoolTiming } from './state';
export { isGood, isSettled } from './settled';
export { hostStatus, snapshotOf, vmStatus } from './snapshot';
export { startOrder } from './startOrder';
export { LISTING_MS } from './steps';

/** The machine's clockwork for a cluster that is booted so. */
export function poolTiming(boot: Omit<BootModel, 'image'>): PoolTiming {
  return {
    attempts: boot.attempts,
    limits: stepLimits(boot.timeoutMs),
    steadyMs: 5 * 60_000,
    wakeEveryMs: 10_000,
    wakeAtOnce: boot.wakeAtOnce,
    wakePauseMs: boot.wakePauseMs,
    connectEveryMs: 1_000,
    lookAgainMs: 60_000,
    planWaitMs: 30_000,
    // A round counts from when it was asked and ends with its slowest host: shorter than a listing may take, none would ever count.
    surveyFreshMs: LISTING_MS + 15_000,
    lockRetryMs: 5_000,
    lockTries: 3,
    startsPerHost: 2,
  };
}

export function openPool(config: PoolConfig, now: number): PoolState {
  return {
    config,
    startedAt: now,
    hosts: newHosts(config, now),
    vms: newVms(config),
    disks: newDisks(config),
    planning: { plan: undefined, basis: undefined, computing: false, failure: undefined },
    lock: { content: config.lock, written: config.lock, writing: undefined, serial: 0, failures: 0, failure: undefined, retryAt: undefined },
    survey: { round: 0, askedAt: undefined, sessions: {}, watching: false },
    wokenAt: [],
  };
}

export interface PoolStep {
  readonly state: PoolState;
  /** In the order in which they are to begin. */
  readonly effects: readonly PoolEffect[];
}

/** Takes one event. Throws only for names that aren't in the model, which is a mistake of the caller. */
export function step(state: PoolState, input: PoolInput, now: number): PoolStep {
  const draft = new Draft(state, now);
  take(draft, input);
  // Packets that are sent again go by the clock alone.
  wakeHosts(draft, input.kind === 'tick' ? () => true : waitsForPlace);
  for (const [name, host] of draft.hosts) {
    if (state.hosts.get(name)?.link === 'up' && host.link !== 'up') releaseVms(draft, name);
  }
  planIfNeeded(draft);
  considerVms(draft);
  writeLock(draft);
  return { state: draft.finish(), effects: draft.effects };
}

/** When `tick` is due next; undefined: only events can change anything. */
export function nextDeadline(state: PoolState): number | undefined {
  const placeAt = nextPlaceAt(state);
  const times = [
    ...[...state.hosts.values()].flatMap((host) => hostDeadlines(host, placeAt)),
    ...[...state.vms.values()].map(({ dueAt }) => dueAt),
    state.lock.retryAt,
    planDeadline(state),
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function take(draft: Draft, input: PoolInput): void {
  switch (input.kind) {
    case 'start':
      startHosts(draft);
      return;
    case 'tick':
      tickHosts(draft);
      return;
    case 'watch':
      askHosts(draft, 'watch');
      return;
    case 'planned':
      planEnded(draft, { plan: input.plan });
      return;
    case 'plan-failed':
      planEnded(draft, { failure: input.reason });
      return;
    case 'lock-written':
      lockEnded(draft, undefined);
      return;
    case 'lock-failed':
      lockEnded(draft, input.reason);
      return;
    case 'surveyed':
      hostsAnswered(draft, input);
      readDomains(draft);
      return;
    case 'disk-created':
    case 'disk-failed':
    case 'vm-started':
    case 'vm-start-failed':
      stepVm(draft, input);
      return;
    case 'arrays-read': {
      const { facts, lastBootId, link } = draft.host(input.host);
      stepHost(draft, input);
      if (link !== 'up') return;
      readDisks(draft, input.host, input);
      retryVms(draft, input.host, facts?.bootId !== lastBootId);
      draft.updateHost(input.host, { lastBootId: facts?.bootId });
      readDomains(draft);
      return;
    }
    default:
      stepHost(draft, input);
  }
}
