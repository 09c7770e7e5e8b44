/**
 * Carries out the machine's effects. Each ends in exactly one event (`disconnect` in none, `wake` in none when all went well);
 * what belonged to a session that was ended meanwhile ends in none either, except for disks and starts, which are always told.
 */

import path from 'node:path';
import type { PlanJson } from '../../protocol';
import type { HostModel, PoolModel, VmModel } from '../drive/model';
import type { DriveState } from '../drive/state';
import type { ConnectHost, HostControl } from '../hosts/control';
import type { Inventory, PreviousPlacement } from '../placement/inputs';
import type { WakeRequest } from '../power/wake';
import type { Clock, Log } from '../system';
import type { PoolEnvironment } from './environment';
import type { GoldenImages } from './golden';
import { domainConfig, mountOf } from './guests';
import type { PoolKeys } from './keys';
import { Lanes } from './lanes';
import { withLimit } from './limits';
import { LISTING_MS, type PoolEffect, type PoolInput, type SurveyAnswer } from './machine';
import { lastHello } from './past';
import type { Sessions } from './sessions';
import { isStranger, troubleOf } from './trouble';

export interface EffectsOptions {
  /** What the pool was booted with. */
  readonly model: PoolModel;
  /** What machines are answered by: of the hosts in `model` the MACs may be others now, and there may be further hosts. */
  readonly answered: () => PoolModel;
  readonly driveId: string;
  /** The drive's folder: paths in specs are relative to it. */
  readonly driveFolder: string;
  /** The document of a VM, as written. */
  readonly specText: (vm: string) => string | undefined;
  readonly vmUuids: Readonly<Record<string, string>>;
  readonly environment: PoolEnvironment;
  readonly state: DriveState;
  readonly keys: PoolKeys;
  readonly golden: GoldenImages;
  readonly connectHost: ConnectHost;
  readonly wakeHost: (request: WakeRequest) => Promise<void>;
  readonly planPlacement: (model: PoolModel, inventory: Inventory, previous: PreviousPlacement) => PlanJson;
  readonly clock: Clock;
  readonly log: Log;
  /** Limit of a probe: what answers slower isn't taken for up. */
  readonly probeMs: number;
}

/** ssh says itself when it gets no answer; these only bound what has gone wrong beyond that. */
const CONNECT_MS = 60_000;
const RECORD_MS = 60_000;
const START_MS = 10 * 60_000;

export class Effects {
  private readonly lanes = new Lanes();
  /** What waking hosts warned of: packets are sent again and again, and it would be told each time. */
  private readonly warned = new Set<string>();

  constructor(
    private readonly options: EffectsOptions,
    private readonly sessions: Sessions,
    private readonly send: (input: PoolInput) => void,
  ) {}

  /** Resolves when the effect has ended. Rejects only for a mistake in PXEN itself; an aborted signal ends it without an event. */
  async perform(effect: PoolEffect, signal: AbortSignal): Promise<void> {
    switch (effect.kind) {
      case 'wake':
        return this.wake(effect.host, signal);
      case 'connect':
        return this.connect(effect.host, effect.purpose, signal);
      case 'disconnect':
        this.sessions.end(effect.host);
        return;
      case 'bring-up':
        return this.bringUp(effect.host, signal);
      case 'plan':
        this.plan(effect);
        return;
      case 'create-disk':
        return this.createDisk(effect, signal);
      case 'write-lock':
        return this.writeLock(effect);
      case 'survey':
        return this.survey(effect, signal);
      case 'start-vm':
        return this.startVm(effect, signal);
    }
  }

  private async wake(hostName: string, signal: AbortSignal): Promise<void> {
    try {
      const host = this.options.answered().hosts.find(({ name }) => name === hostName);
      if (host === undefined) throw new Error('on the drive, its MACs are those of other hosts now');
      await this.options.wakeHost({ host, ...this.options.environment.wake(host), clock: this.options.clock, log: this.logOnce, signal });
    } catch (error) {
      if (!signal.aborted) this.send({ kind: 'wake-failed', host: hostName, ...troubleOf(error) });
    }
  }

  private readonly logOnce: Log = (level, sentence) => {
    if (this.warned.has(sentence)) return;
    this.warned.add(sentence);
    this.options.log(level, sentence);
  };

  private async connect(hostName: string, purpose: 'probe' | 'hello', signal: AbortSignal): Promise<void> {
    const { clock, environment, keys, state, connectHost, probeMs } = this.options;
    const host = this.hostModel(hostName);
    let control: HostControl | undefined;
    try {
      const hostKeys = lastHello(await state.hostBoot(hostName))?.hostKeys;
      if (hostKeys === undefined) throw new Error(`no ssh key of ${hostName} is known`);
      const target = { host, ...environment.ssh(host), hostKeys, privateKey: keys.privateKey };
      const limitMs = purpose === 'probe' ? probeMs : CONNECT_MS;
      control = await withLimit(clock, limitMs, signal, `connecting to ${hostName}`, (within) => connectHost(target, within));
      const opened = control;
      const facts = await withLimit(clock, LISTING_MS, signal, `asking ${hostName} what it is`, (within) => opened.facts(within));
      this.sessions.add(hostName, control, () => this.send({ kind: 'disconnected', host: hostName, reason: 'its ssh session ended' }));
      this.send({ kind: 'connected', host: hostName, facts });
    } catch (error) {
      control?.close();
      if (!signal.aborted) this.send({ kind: 'connect-failed', host: hostName, stranger: isStranger(error), ...troubleOf(error) });
    }
  }

  private async bringUp(hostName: string, signal: AbortSignal): Promise<void> {
    const session = this.sessions.get(hostName);
    // It broke before this began, and `disconnected` has told so.
    if (session === undefined) return;
    const { model, driveId, clock } = this.options;
    const within = AbortSignal.any([signal, session.signal]);
    try {
      const { arrays } = this.hostModel(hostName);
      const readAt = clock.now();
      const reports = await session.control.bringUpArrays(arrays, { driveId, host: hostName }, within);
      const storage = await session.control.mountStorage(model.cluster.storage, within);
      const askedAt = clock.now();
      const domains = await withLimit(clock, LISTING_MS, within, `listing the domains of ${hostName}`, (limited) => session.control.listDomains(limited));
      this.send({ kind: 'arrays-read', host: hostName, readAt, askedAt, arrays: reports, storage, domains });
    } catch (error) {
      if (!within.aborted) this.send({ kind: 'bring-up-failed', host: hostName, ...troubleOf(error) });
    }
  }

  private plan({ model, inventory, previous }: Extract<PoolEffect, { readonly kind: 'plan' }>): void {
    let plan: PlanJson;
    try {
      plan = this.options.planPlacement(model, inventory, previous);
    } catch (error) {
      this.send({ kind: 'plan-failed', ...troubleOf(error) });
      return;
    }
    this.send({ kind: 'planned', plan });
  }

  private async createDisk(effect: Extract<PoolEffect, { readonly kind: 'create-disk' }>, signal: AbortSignal): Promise<void> {
    const { vm, disk, host, place, record } = effect;
    // One copy at a time to an array: two would only make its heads run to and fro.
    const lane = 'storage' in place ? place.storage : `${place.host}/${place.array}`;
    try {
      await this.lanes.run(lane, signal, async () => {
        const { control, within } = this.sessionOf(host, signal);
        const source = this.vmModel(vm).disks.find(({ name }) => name === disk)?.source;
        const { environment, golden } = this.options;
        const sourceFile = source === undefined ? undefined : (environment.standIn?.(source) ?? (await golden.fileOf(source, within)));
        const told = { tenths: 0 };
        const onProgress = (bytes: number) => {
          const tenths = Math.floor((10 * bytes) / record.sizeBytes);
          if (tenths <= told.tenths) return;
          told.tenths = tenths;
          this.options.log('info', `${vm}: ${tenths}0 % of disk ${disk} copied to ${host}`);
        };
        await control.createDisk({ mount: mountOf(this.hostModel(host), place), record, ...(sourceFile === undefined ? {} : { sourceFile }) }, onProgress, within);
      });
    } catch (error) {
      if (!signal.aborted) this.send({ kind: 'disk-failed', vm, disk, host, ...troubleOf(error) });
      return;
    }
    this.send({ kind: 'disk-created', vm, disk, place, record });
  }

  private async writeLock({ serial, lock }: Extract<PoolEffect, { readonly kind: 'write-lock' }>): Promise<void> {
    try {
      await this.options.state.writePlacement(lock);
    } catch (error) {
      this.send({ kind: 'lock-failed', serial, ...troubleOf(error) });
      return;
    }
    this.send({ kind: 'lock-written', serial });
  }

  private async survey({ round, hosts }: Extract<PoolEffect, { readonly kind: 'survey' }>, signal: AbortSignal): Promise<void> {
    const answers = await Promise.all(
      hosts.map(async (host): Promise<readonly [string, SurveyAnswer]> => {
        try {
          const { control, within } = this.sessionOf(host, signal);
          return [host, { domains: await withLimit(this.options.clock, LISTING_MS, within, `listing the domains of ${host}`, (limited) => control.listDomains(limited)) }];
        } catch (error) {
          return [host, { failed: troubleOf(error).reason }];
        }
      }),
    );
    if (!signal.aborted) this.send({ kind: 'surveyed', round, answers: Object.fromEntries(answers) });
  }

  private async startVm({ vm, host, disks }: Extract<PoolEffect, { readonly kind: 'start-vm' }>, signal: AbortSignal): Promise<void> {
    const { clock, vmUuids } = this.options;
    try {
      const { control, within } = this.sessionOf(host, signal);
      const mounts = new Set(disks.map(({ place }) => mountOf(this.hostModel(host), place)));
      await this.writeRecords(vm, host, control, mounts, within);
      const config = domainConfig(this.vmModel(vm), vmUuids[vm] ?? '', this.hostModel(host), disks, this.options);
      await withLimit(clock, START_MS, within, `starting ${vm} on ${host}`, (limited) => control.startVm(config, limited));
    } catch (error) {
      if (!signal.aborted) this.send({ kind: 'vm-start-failed', vm, host, ...troubleOf(error) });
      return;
    }
    this.send({ kind: 'vm-started', vm, host });
  }

  /** The array explains itself without the drive; a VM runs without that as well, so trouble is only told. */
  private async writeRecords(vm: string, host: string, control: HostControl, mounts: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const specText = this.options.specText(vm);
    if (specText === undefined) return;
    const at = new Date(this.options.clock.now()).toISOString();
    for (const mount of mounts) {
      try {
        await withLimit(this.options.clock, RECORD_MS, signal, `writing the spec of ${vm} to ${host}`, (limited) => control.writeVmRecord({ mount, vm, specText, at }, limited));
      } catch (error) {
        signal.throwIfAborted();
        this.options.log('warn', `The spec of ${vm} couldn't be written beside its disks in ${path.posix.join(mount, 'pxen')} on ${host}: ${troubleOf(error).reason}`);
      }
    }
  }

  private sessionOf(host: string, signal: AbortSignal): { readonly control: HostControl; readonly within: AbortSignal } {
    const session = this.sessions.get(host);
    if (session === undefined) throw new Error(`${host} isn't connected any more`);
    return { control: session.control, within: AbortSignal.any([signal, session.signal]) };
  }

  private hostModel(name: string): HostModel {
    return named(this.options.model.hosts, name);
  }

  private vmModel(name: string): VmModel {
    return named(this.options.model.vms, name);
  }
}

/** The machine speaks only of what is in its model. */
function named<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((one) => one.name === name);
  if (found === undefined) throw new Error(`"${name}" isn't in the model`);
  return found;
}
