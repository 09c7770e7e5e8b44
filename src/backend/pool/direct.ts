/** Looking at a pool, and shutting it down, when no backend runs: over ssh, by the host keys of their last boot. */

import type { HostStatus, PoolEvent, PoolSnapshot, VmStatus } from '../../protocol';
import type { HostModel, PoolModel } from '../drive/model';
import type { DriveState, HostBootRecord } from '../drive/state';
import { openDriveState } from '../drive/stateStore';
import type { Domain, HostControl, HostFacts } from '../hosts/control';
import { vmUuids } from './guests';
import { openPoolKeys, type PoolKeys } from './keys';
import { withLimit } from './limits';
import { machineFolders, sshOfMachine } from './machines';
import type { PoolParts } from './parts';
import { lastHello, mayBeUp, unknownVm } from './past';
import { shutDownPool } from './shutdown';
import { troubleOf } from './trouble';

type Parts = Pick<PoolParts, 'connectHost' | 'clock' | 'random'>;

const CONNECT_MS = 15_000;
const LISTING_MS = 30_000;

/** Asks every host that was booted from this drive and not switched off since. Changes nothing. */
export async function lookAtPool(root: string, model: PoolModel, parts: Parts, signal: AbortSignal): Promise<PoolSnapshot> {
  const look = await Look.open(root, model, parts, signal);
  try {
    return look.snapshot();
  } finally {
    look.close();
  }
}

/** Hosts that the drive has no record of: they are taken for off, and nobody asks them. */
export async function neverBooted(root: string, model: PoolModel, parts: Parts): Promise<readonly string[]> {
  const state = openDriveState(machineFolders(root).stateFolder, parts.clock, parts.random);
  const records = await Promise.all(model.hosts.map(({ name }) => state.hostBoot(name)));
  return model.hosts.map(({ name }) => name).filter((_, index) => records[index] === undefined);
}

/** Shuts down what can be reached. */
export async function shutDownDirectly(
  root: string,
  model: PoolModel,
  parts: Parts,
  how: { readonly force: boolean; readonly onEvent: (event: PoolEvent) => void },
  signal: AbortSignal,
): Promise<PoolSnapshot> {
  const look = await Look.open(root, model, parts, signal);
  try {
    return await shutDownPool({
      model,
      vmUuids: look.vmUuids,
      before: look.snapshot(),
      hosts: look.controls(),
      state: look.state,
      clock: parts.clock,
      force: how.force,
      onChange: (_, event) => how.onEvent(event),
      signal,
    });
  } finally {
    look.close();
  }
}

type Answer =
  | { readonly kind: 'up'; readonly control: HostControl; readonly facts: HostFacts; readonly domains: readonly Domain[] }
  | { readonly kind: 'off' }
  /** `wasUp`: it came to its hello once, so it may be running VMs. */
  | { readonly kind: 'silent'; readonly cause: string; readonly wasUp: boolean };

class Look {
  private constructor(
    private readonly model: PoolModel,
    private readonly parts: Parts,
    readonly state: DriveState,
    readonly vmUuids: Readonly<Record<string, string>>,
    private readonly answers: ReadonlyMap<string, Answer>,
  ) {}

  static async open(root: string, model: PoolModel, parts: Parts, signal: AbortSignal): Promise<Look> {
    const folders = machineFolders(root);
    const state = openDriveState(folders.stateFolder, parts.clock, parts.random);
    const records = await Promise.all(model.hosts.map(async (host) => ({ host, record: await state.hostBoot(host.name) })));
    // A look must not make what isn't there: a drive that has booted no host has no identity and no key yet.
    if (records.every(({ record }) => !mayBeUp(record))) return new Look(model, parts, state, {}, new Map());
    const { driveId } = await state.identity();
    const keys = await openPoolKeys(folders.keysFolder, `pxen-${model.cluster.name}`);
    const answers = await Promise.all(
      records.map(async ({ host, record }): Promise<readonly [string, Answer]> => [host.name, mayBeUp(record) ? await ask(host, record, keys, parts, signal) : { kind: 'off' }]),
    );
    return new Look(model, parts, state, vmUuids(model, driveId), new Map(answers));
  }

  controls(): ReadonlyMap<string, HostControl> {
    return new Map([...this.answers].flatMap(([name, answer]) => (answer.kind === 'up' ? [[name, answer.control] as const] : [])));
  }

  close(): void {
    for (const control of this.controls().values()) control.close();
  }

  snapshot(): PoolSnapshot {
    const at = new Date(this.parts.clock.now()).toISOString();
    const hosts = this.model.hosts.map((host) => this.hostStatus(host, at));
    const vms = this.model.vms.map(({ name }) => this.vmStatus(name));
    const up = hosts.every(({ state }) => state === 'ready') && this.model.vms.every((vm, index) => !vm.start.auto || vms[index]?.state === 'running');
    const phase = hosts.every(({ state }) => state === 'off') ? 'down' : up ? 'up' : 'partly';
    return { cluster: this.model.cluster.name, phase, at, hosts, vms };
  }

  private hostStatus({ name, address, arrays }: HostModel, since: string): HostStatus {
    const answer = this.answers.get(name) ?? { kind: 'off' };
    const common = { name, address, since, attempt: 0, arrays: arrays.map((array) => ({ name: array.name, state: 'unknown' as const, mounted: false })) };
    switch (answer.kind) {
      case 'up':
        return { ...common, state: 'ready', percent: 100, xenVersion: answer.facts.xenVersion };
      case 'off':
        return { ...common, state: 'off', percent: 0 };
      case 'silent':
        return { ...common, state: 'failed', percent: 0, cause: answer.cause, remedy: '`pxen boot` wakes it and takes it from there.' };
    }
  }

  private vmStatus(name: string): VmStatus {
    const uuid = this.vmUuids[name];
    const at = [...this.answers].filter(([, answer]) => answer.kind === 'up' && answer.domains.some((domain) => domain.uuid === uuid)).map(([host]) => host);
    const [host, second] = at;
    if (host === undefined) {
      const unasked = [...this.answers].flatMap(([silent, answer]) => (answer.kind === 'silent' && answer.wasUp ? [silent] : []));
      return unasked.length === 0 ? { name, state: 'stopped' } : unknownVm(name, unasked);
    }
    return second === undefined ? { name, state: 'running', host } : { name, state: 'failed', host, reason: `it runs on ${at.join(' and ')} at once` };
  }
}

async function ask(host: HostModel, record: HostBootRecord, keys: PoolKeys, { connectHost, clock }: Parts, signal: AbortSignal): Promise<Answer> {
  const hello = lastHello(record);
  if (hello === undefined) return { kind: 'silent', cause: `${host.name} fetched its boot script at ${record.issuedAt} and hasn't said hello since`, wasUp: false };
  const target = { host, ...sshOfMachine(host), hostKeys: hello.hostKeys, privateKey: keys.privateKey };
  let control: HostControl | undefined;
  try {
    control = await withLimit(clock, CONNECT_MS, signal, `connecting to ${host.name}`, (within) => connectHost(target, within));
    const opened = control;
    const facts = await withLimit(clock, LISTING_MS, signal, `asking ${host.name} what it is`, (within) => opened.facts(within));
    const domains = await withLimit(clock, LISTING_MS, signal, `listing the domains of ${host.name}`, (within) => opened.listDomains(within));
    return { kind: 'up', control, facts, domains };
  } catch (error) {
    control?.close();
    signal.throwIfAborted();
    return { kind: 'silent', cause: troubleOf(error).reason, wasUp: true };
  }
}
