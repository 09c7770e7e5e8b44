/**
 * A host's way up: what each event means for it. Evidence counts, not order: a host that is first heard of when it fetches
 * its root image, because the backend was restarted meanwhile, is where it says it is.
 */

import type { HostState } from '../../../protocol';
import type { Draft } from './draft';
import type { PoolInput, Trouble } from './events';
import type { HostNode, PoolConfig } from './state';
import { type Failure, type TimedStep, failureAt, inWords, isBefore } from './steps';
import { takePlaces, waitsForPlace } from './waves';

/** A PXE request this long before a connection breaks explains the break: the host was restarted. */
const FIRMWARE_SEEN_MS = 120_000;

/** How much of the `kernel` step's downloads is done when each file begins and ends; the rest is its boot. */
const KERNEL_FILES: Readonly<Record<string, readonly [number, number]>> = {
  xen: [0, 0.1],
  'xen.efi': [0, 0.1],
  vmlinuz: [0.1, 0.4],
  initrd: [0.4, 0.8],
};
const ROOT_FILE = 'root.squashfs';

/** Every host before the run began. */
export function newHosts(config: PoolConfig, now: number): Map<string, HostNode> {
  return new Map(
    config.model.hosts.map((spec): [string, HostNode] => {
      const past = config.pasts[spec.name];
      return [
        spec.name,
        {
          spec,
          state: 'off',
          since: now,
          attempt: 0,
          attemptEndsAt: undefined,
          stepEndsAt: undefined,
          nextWakeAt: undefined,
          wakes: 0,
          fraction: 0,
          hasKeys: past?.hasKeys === true,
          link: 'down',
          nextLinkAt: undefined,
          quiet: past?.poweredOff === true,
          firmwareSeenAt: undefined,
          session: 0,
          facts: undefined,
          lastBootId: undefined,
          arrays: undefined,
          storage: [],
          domains: undefined,
          trouble: undefined,
          cause: undefined,
          remedy: undefined,
        },
      ];
    }),
  );
}

/** Asks the hosts that may be up already, and wakes the others. One that PXEN switched off is asked beside being woken: somebody may have been quicker. */
export function startHosts(draft: Draft): void {
  for (const [name, host] of draft.hosts) {
    if (host.hasKeys && !host.quiet) openLink(draft, name, 'probe');
    else beginAttempt(draft, name, 1);
  }
}

/** What is due by the clock. */
export function tickHosts(draft: Draft): void {
  for (const name of draft.hosts.keys()) {
    const host = draft.host(name);
    if (isTimed(host.state) && isDue(host.stepEndsAt, draft.now)) {
      failStep(draft, name, host.state);
      continue;
    }
    if (isDue(host.nextLinkAt, draft.now) && host.link === 'down') openLink(draft, name, host.state === 'ssh' ? 'hello' : 'probe');
  }
}

/** Wakes those of the hosts meant that are due, as many as may be switched on now. The others are asked meanwhile: one that is up already needs no place. */
export function wakeHosts(draft: Draft, isMeant: (host: HostNode) => boolean): void {
  const { now, later } = takePlaces(draft, isMeant);
  for (const name of now) wake(draft, name);
  for (const name of later) {
    const { hasKeys, link, nextLinkAt } = draft.host(name);
    if (hasKeys && link === 'down' && nextLinkAt === undefined) openLink(draft, name, 'probe');
  }
}

/** When a host next needs the clock; none is woken before `placeAt`. */
export function hostDeadlines(host: HostNode, placeAt: number): readonly (number | undefined)[] {
  return [
    isTimed(host.state) ? host.stepEndsAt : undefined,
    host.nextWakeAt === undefined ? undefined : Math.max(host.nextWakeAt, placeAt),
    host.link === 'down' ? host.nextLinkAt : undefined,
  ];
}

/** Takes one event of a host's boot or session. What lies on its arrays and runs on it is folded in elsewhere. */
export function stepHost(draft: Draft, input: HostInput): void {
  const host = draft.host(input.host);
  switch (input.kind) {
    case 'dhcp':
      onDhcp(draft, input.host, input.client);
      return;
    case 'bootloader':
    case 'script':
      moveOn(draft, input.host, 'bootloader', 0);
      return;
    case 'image':
      onImage(draft, input);
      return;
    case 'hello':
      if (host.link === 'up') endLink(draft, input.host);
      draft.updateHost(input.host, { hasKeys: true, quiet: true });
      enter(draft, input.host, 'ssh');
      if (draft.host(input.host).link === 'down') openLink(draft, input.host, 'hello');
      return;
    case 'wake-failed':
      draft.updateHost(input.host, { trouble: troubleOf(input) });
      return;
    case 'connected':
      draft.updateHost(input.host, { link: 'up', nextLinkAt: undefined, session: host.session + 1, facts: input.facts, quiet: false, firmwareSeenAt: undefined });
      enter(draft, input.host, 'arrays');
      draft.emit({ kind: 'bring-up', host: input.host });
      return;
    case 'connect-failed':
      draft.updateHost(input.host, { link: 'down' });
      if (host.state === 'off') beginAttempt(draft, input.host, 1);
      else if (host.state === 'ssh') draft.updateHost(input.host, { nextLinkAt: draft.now + draft.config.timing.connectEveryMs });
      else if (host.state === 'failed') draft.updateHost(input.host, { nextLinkAt: nextLook(draft, input.host) });
      else if (isDue(host.nextWakeAt, draft.now)) draft.updateHost(input.host, { nextLinkAt: draft.now + draft.config.timing.wakeEveryMs });
      // A machine that is off refuses as well: only a stranger's answer explains anything while it is being woken.
      if (input.stranger || host.state === 'ssh') draft.updateHost(input.host, { trouble: troubleOf(input) });
      return;
    case 'disconnected':
      if (host.link === 'up') loseHost(draft, input.host, `${input.host} was lost: ${input.reason}`);
      return;
    case 'bring-up-failed':
      if (host.state !== 'arrays') return;
      draft.updateHost(input.host, { trouble: troubleOf(input) });
      failStep(draft, input.host, 'arrays');
      return;
    case 'arrays-read':
      if (host.link !== 'up') return;
      enter(draft, input.host, 'ready');
      draft.updateHost(input.host, {
        arrays: input.arrays,
        storage: input.storage,
        domains: { askedAt: input.askedAt, domains: input.domains },
        cause: undefined,
        remedy: undefined,
      });
  }
}

export type HostInput = Extract<PoolInput, { readonly host: string; readonly vm?: never; readonly disk?: never }>;

/**
 * Gives up a session that no longer answers; the host is looked for again. That is an attempt of its own, as one that breaks
 * each time it is nearly up would otherwise be tried for ever; but one that was ready gets a second chance at least.
 */
export function loseHost(draft: Draft, name: string, cause: string): void {
  const { firmwareSeenAt, state, since, attempt, spec } = draft.host(name);
  const { attempts, steadyMs } = draft.config.timing;
  const next = state === 'ready' && draft.now - since >= steadyMs ? 1 : attempt + 1;
  const wasRestarted = firmwareSeenAt !== undefined && draft.now - firmwareSeenAt <= FIRMWARE_SEEN_MS;
  forgetSession(draft, name);
  if (wasRestarted) draft.updateHost(name, { quiet: true });
  if (next > (state === 'ready' ? Math.max(2, attempts) : attempts)) {
    enter(draft, name, 'failed');
    draft.updateHost(name, { cause, remedy: `Look at its console or log in (ssh root@${spec.address}): it came up and was lost soon after.` });
  } else if (wasRestarted) {
    draft.updateHost(name, { attempt: next, cause: `${name} was restarted` });
    enter(draft, name, 'dhcp');
  } else {
    beginAttempt(draft, name, next, { cause, remedy: 'It is being woken again.' });
  }
}

/** Ends the session of a host that stopped answering and looks for it again. */
export function dropHost(draft: Draft, name: string, cause: string): void {
  draft.emit({ kind: 'disconnect', host: name });
  loseHost(draft, name, cause);
}

/** Its time begins when it is woken, see `wake`. */
function beginAttempt(draft: Draft, name: string, attempt: number, failure?: Failure): void {
  draft.updateHost(name, { attempt, wakes: 0, cause: failure?.cause, remedy: failure?.remedy });
  enter(draft, name, 'waking');
  draft.updateHost(name, { nextWakeAt: draft.now, attemptEndsAt: undefined, stepEndsAt: undefined });
}

/** A host with known keys is asked as well each time: it may only have been out of reach. */
function wake(draft: Draft, name: string): void {
  if (waitsForPlace(draft.host(name))) enter(draft, name, 'waking');
  const host = draft.host(name);
  draft.updateHost(name, { wakes: host.wakes + 1, nextWakeAt: draft.now + repeatPauseMs(draft, host.wakes) });
  draft.emit({ kind: 'wake', host: name });
  if (host.hasKeys && host.link === 'down') openLink(draft, name, 'probe');
}

/** Doubling from a fifth of the usual pause: a packet that was lost at first costs little time, unless many wait for a place in the waves. */
function repeatPauseMs(draft: Draft, wakesBefore: number): number {
  const { wakeEveryMs } = draft.config.timing;
  return Math.min(wakeEveryMs, (wakeEveryMs / 5) * 2 ** wakesBefore);
}

function openLink(draft: Draft, name: string, purpose: 'probe' | 'hello'): void {
  draft.updateHost(name, { link: 'opening', nextLinkAt: undefined });
  draft.emit({ kind: 'connect', host: name, purpose });
}

/**
 * Only firmware and iPXE ask like this, so the host runs no domain. While its old session is open the request is only
 * noted: a session that is really dead breaks within seconds.
 */
function onDhcp(draft: Draft, name: string, client: 'bios' | 'uefi' | 'ipxe' | 'os'): void {
  if (client === 'os') return;
  const host = draft.host(name);
  if (host.link === 'up') {
    draft.updateHost(name, { firmwareSeenAt: draft.now });
    return;
  }
  draft.updateHost(name, { quiet: true });
  if (isBefore(host.state, 'dhcp') || host.state === 'failed') {
    moveOn(draft, name, 'dhcp', 0);
  } else if (host.state !== 'dhcp' && !(host.state === 'bootloader' && client === 'ipxe')) {
    draft.updateHost(name, { cause: `${name} started over after it had reached the step "${host.state}"`, remedy: undefined });
    enter(draft, name, 'dhcp');
  }
}

function onImage(draft: Draft, input: { readonly host: string; readonly file: string; readonly bytesSent: number; readonly bytesTotal: number }): void {
  const done = input.bytesTotal === 0 ? 1 : input.bytesSent / input.bytesTotal;
  const kernelFile = KERNEL_FILES[input.file];
  if (input.file === ROOT_FILE) moveOn(draft, input.host, done < 1 ? 'root' : 'hello', done);
  else if (kernelFile !== undefined) moveOn(draft, input.host, 'kernel', kernelFile[0] + (kernelFile[1] - kernelFile[0]) * done);
  else moveOn(draft, input.host, 'bootloader', 0);
}

/** Forward only. Anything heard of a host shows that it lives, and winds up its step's clock again. */
function moveOn(draft: Draft, name: string, to: TimedStep, fraction: number): void {
  const host = draft.host(name);
  if (host.link === 'up') return;
  if (host.state === 'failed' || host.state === 'off') {
    draft.updateHost(name, { attempt: Math.max(1, host.attempt), attemptEndsAt: undefined, cause: undefined, remedy: undefined });
    enter(draft, name, to);
  } else if (host.state === 'waking') {
    draft.updateHost(name, { cause: undefined, remedy: undefined });
    enter(draft, name, to);
  } else if (isBefore(host.state, to)) {
    enter(draft, name, to);
  } else if (isTimed(host.state)) {
    draft.updateHost(name, { stepEndsAt: stepEnd(draft, name, host.state) });
  }
  if (draft.host(name).state === to) draft.updateHost(name, { fraction: Math.max(draft.host(name).fraction, fraction) });
}

function enter(draft: Draft, name: string, state: HostState): void {
  const host = draft.host(name);
  const timed = isTimed(state);
  draft.updateHost(name, {
    state,
    since: draft.now,
    fraction: 0,
    trouble: undefined,
    nextLinkAt: state === 'failed' ? nextLook(draft, name) : undefined,
    nextWakeAt: state === 'waking' ? host.nextWakeAt : undefined,
    attemptEndsAt: timed ? (host.attemptEndsAt ?? draft.now + draft.config.timing.limits.attemptMs) : undefined,
  });
  draft.updateHost(name, { stepEndsAt: timed ? stepEnd(draft, name, state) : undefined });
}

/** A host that was given up may only have been out of reach, behind a switch that was off for long, and its VMs may run on. */
function nextLook(draft: Draft, name: string): number | undefined {
  return draft.host(name).hasKeys ? draft.now + draft.config.timing.lookAgainMs : undefined;
}

function stepEnd(draft: Draft, name: string, step: TimedStep): number {
  const { attemptEndsAt } = draft.host(name);
  return Math.min(draft.now + draft.config.timing.limits.steps[step], attemptEndsAt ?? Number.POSITIVE_INFINITY);
}

function failStep(draft: Draft, name: string, step: TimedStep): void {
  const host = draft.host(name);
  const failure = failureAt(step, {
    name,
    mac: host.spec.macs[0],
    address: host.spec.address,
    wakes: host.wakes,
    wakeMethod: host.spec.wake.method,
    waited: inWords(draft.now - host.since),
    trouble: host.trouble,
  });
  if (host.link === 'up') endLink(draft, name);
  if (host.attempt < draft.config.timing.attempts) {
    beginAttempt(draft, name, host.attempt + 1, failure);
    return;
  }
  enter(draft, name, 'failed');
  draft.updateHost(name, failure);
}

function endLink(draft: Draft, name: string): void {
  draft.emit({ kind: 'disconnect', host: name });
  forgetSession(draft, name);
}

function forgetSession(draft: Draft, name: string): void {
  draft.updateHost(name, { link: 'down', facts: undefined, arrays: undefined, storage: [], domains: undefined, firmwareSeenAt: undefined, attemptEndsAt: undefined });
}

function troubleOf({ reason, remedy }: Trouble): Trouble {
  return remedy === undefined ? { reason } : { reason, remedy };
}

function isTimed(state: HostState): state is TimedStep {
  return state !== 'off' && state !== 'ready' && state !== 'failed';
}

function isDue(at: number | undefined, now: number): boolean {
  return at !== undefined && at <= now;
}
