/** The way down: VMs in reverse start order, then the hosts. What PXEN didn't start is left alone, and keeps its host up. */

import type { HostStatus, PoolEvent, PoolSnapshot, VmStatus } from '../../protocol';
import type { PoolModel } from '../drive/model';
import type { DriveState } from '../drive/state';
import type { Domain, HostControl } from '../hosts/control';
import type { Clock } from '../system';
import { withLimit } from './limits';
import { lastHello, mayBeUp, unknownVm } from './past';
import { troubleOf } from './trouble';

export interface ShutDownOptions {
  readonly model: PoolModel;
  readonly vmUuids: Readonly<Record<string, string>>;
  /** How things were: the first state of every host and VM. */
  readonly before: PoolSnapshot;
  /** The hosts that can be reached. */
  readonly hosts: ReadonlyMap<string, HostControl>;
  readonly state: Pick<DriveState, 'hostBoot' | 'writeHostBoot'>;
  readonly clock: Clock;
  /** Ends a guest that doesn't shut down in time, as pulling its plug would. */
  readonly force: boolean;
  readonly onChange: (snapshot: PoolSnapshot, change: PoolEvent) => void;
  readonly signal: AbortSignal;
}

/** How long a guest may take to shut down. */
const GUEST_MS = 2 * 60_000;
const LISTING_MS = 30_000;
const POWER_OFF_MS = 5 * 60_000;

/**
 * Resolves with what came of it: phase `down` when every host is off, else `partly` with the reasons. Rejects only when the
 * signal aborts.
 */
export async function shutDownPool(options: ShutDownOptions): Promise<PoolSnapshot> {
  const down = new Descent(options);
  await down.run();
  options.signal.throwIfAborted();
  return down.finish();
}

class Descent {
  private readonly hosts: Map<string, HostStatus>;
  private readonly vms: Map<string, VmStatus>;
  private phase: PoolSnapshot['phase'] = 'stopping';

  constructor(private readonly options: ShutDownOptions) {
    this.hosts = new Map(options.before.hosts.map((host) => [host.name, host]));
    this.vms = new Map(options.before.vms.map((vm) => [vm.name, vm]));
  }

  async run(): Promise<void> {
    const { model, vmUuids, hosts } = this.options;
    const listings = new Map<string, readonly Domain[]>();
    await Promise.all([...hosts].map(([name, control]) => this.list(name, control, listings)));

    const unasked = await this.unasked(listings);

    // A VM ends when all that were started after it have ended: each waits for its dependents.
    const stopping = new Map<string, Promise<boolean>>();
    const stop = (name: string): Promise<boolean> => {
      const known = stopping.get(name);
      if (known !== undefined) return known;
      const dependents = model.vms.filter(({ start }) => start.after.includes(name)).map((vm) => vm.name);
      const uuid = vmUuids[name];
      const at = [...listings].filter(([, domains]) => domains.some((domain) => domain.uuid === uuid)).map(([host]) => host);
      const work = Promise.all(dependents.map(stop)).then(() => this.stopVm(name, uuid ?? '', at, unasked));
      stopping.set(name, work);
      return work;
    };
    const ended = new Map(await Promise.all(model.vms.map(async ({ name }) => [name, await stop(name)] as const)));

    await Promise.all(
      [...listings].map(async ([host, domains]) => {
        const control = hosts.get(host);
        if (control === undefined) return;
        const remaining = domains.filter(({ uuid }) => !model.vms.some((vm) => vmUuids[vm.name] === uuid && ended.get(vm.name) === true));
        if (remaining.length > 0) this.stayUp(host, remaining);
        else await this.powerOff(host, control);
      }),
    );
    await Promise.all([...this.hosts.values()].filter(({ name, state }) => !hosts.has(name) && state !== 'off').map((host) => this.leaveUnreached(host)));
  }

  /** Hosts that came up once, weren't switched off since and didn't tell what they run. */
  private async unasked(listings: ReadonlyMap<string, readonly Domain[]>): Promise<readonly string[]> {
    const silent = this.options.model.hosts.map(({ name }) => name).filter((name) => !listings.has(name));
    const records = await Promise.all(silent.map((name) => this.options.state.hostBoot(name)));
    return silent.filter((_, index) => mayBeUp(records[index]) && lastHello(records[index]) !== undefined);
  }

  /** A host that never fetched a boot script, or was switched off, and shows no sign of life is off. */
  private async leaveUnreached({ name, state, cause }: HostStatus): Promise<void> {
    const record = await this.options.state.hostBoot(name);
    const showsItself = state !== 'waking' && state !== 'failed';
    if (!mayBeUp(record) && !showsItself) this.changeHost(name, { state: 'off', percent: 0 });
    else if (record?.hello === undefined && showsItself) this.changeHost(name, { state: 'failed', cause: `${name} is still booting and can't be told to switch off yet`, remedy: 'Run `pxen down` again when it is up, or press its power button.' });
    else this.changeHost(name, { state: 'failed', cause: cause ?? `${name} can't be reached over ssh`, remedy: 'If it still runs, shut its guests down by hand and press its power button.' });
  }

  finish(): PoolSnapshot {
    this.phase = [...this.hosts.values()].every(({ state }) => state === 'off') ? 'down' : 'partly';
    const snapshot = this.snapshot();
    this.options.onChange(snapshot, { event: 'pool', at: snapshot.at, snapshot });
    return snapshot;
  }

  private async list(host: string, control: HostControl, listings: Map<string, readonly Domain[]>): Promise<void> {
    const { clock, signal } = this.options;
    try {
      listings.set(host, await withLimit(clock, LISTING_MS, signal, `listing the domains of ${host}`, (limited) => control.listDomains(limited)));
    } catch (error) {
      this.changeHost(host, { state: 'failed', cause: troubleOf(error).reason, remedy: 'Shut its guests down by hand and press its power button.' });
    }
  }

  /** True when it has ended everywhere. */
  private async stopVm(name: string, uuid: string, at: readonly string[], unasked: readonly string[]): Promise<boolean> {
    const { hosts, clock, force, signal } = this.options;
    if (at.length === 0 && unasked.length > 0) {
      this.changeVm(unknownVm(name, unasked));
      return false;
    }
    if (at.length === 0) {
      if (this.vms.get(name)?.state !== 'stopped') this.changeVm({ name, state: 'stopped' });
      return true;
    }
    const [host = ''] = at;
    this.changeVm({ name, state: 'stopping', host });
    try {
      for (const where of at) {
        // The guest's own limit, and what its end may take after that.
        await withLimit(clock, 3 * GUEST_MS, signal, `stopping ${name}`, async (limited) => hosts.get(where)?.stopVm(uuid, { timeoutMs: GUEST_MS, force }, limited));
      }
    } catch (error) {
      const { reason, remedy } = troubleOf(error);
      this.changeVm({ name, state: 'running', host, reason, remedy: force ? (remedy ?? 'Look at it on its host.') : 'Shut it down from inside, or end it with `pxen down --force`.' });
      return false;
    }
    this.changeVm({ name, state: 'stopped', host });
    return true;
  }

  private stayUp(host: string, domains: readonly Domain[]): void {
    const names = domains.map(({ name }) => name).join(', ');
    this.changeHost(host, { state: 'ready', cause: `${host} stays up: it still runs ${names}`, remedy: `Stop ${domains.length === 1 ? 'it' : 'them'}, then run \`pxen down\` again.` });
  }

  private async powerOff(host: string, control: HostControl): Promise<void> {
    const { clock, signal, state } = this.options;
    try {
      await withLimit(clock, POWER_OFF_MS, signal, `switching ${host} off`, (limited) => control.powerOff(limited));
      // Durable only now: it says that the host is known to run nothing.
      const record = await state.hostBoot(host);
      if (record !== undefined) await state.writeHostBoot(host, { ...record, poweredOffAt: new Date(clock.now()).toISOString() });
    } catch (error) {
      const { reason, remedy } = troubleOf(error);
      this.changeHost(host, { state: 'failed', cause: reason, remedy: remedy ?? 'Press its power button.' });
      return;
    }
    this.changeHost(host, { state: 'off', percent: 0 });
  }

  private changeHost(name: string, patch: Partial<HostStatus> & Pick<HostStatus, 'state'>): void {
    const former = this.hosts.get(name);
    if (former === undefined) return;
    const at = this.isoNow();
    const { address, percent, attempt, xenVersion } = former;
    const arrays = patch.state === 'off' ? former.arrays.map((array) => ({ name: array.name, state: 'unknown' as const, mounted: false })) : former.arrays;
    const host: HostStatus = { name, address, percent, attempt, arrays, ...(xenVersion === undefined ? {} : { xenVersion }), ...patch, since: at };
    this.hosts.set(name, host);
    this.options.onChange(this.snapshot(), { event: 'host', at, host });
  }

  private changeVm(vm: VmStatus): void {
    this.vms.set(vm.name, vm);
    this.options.onChange(this.snapshot(), { event: 'vm', at: this.isoNow(), vm });
  }

  private snapshot(): PoolSnapshot {
    return { cluster: this.options.model.cluster.name, phase: this.phase, at: this.isoNow(), hosts: [...this.hosts.values()], vms: [...this.vms.values()] };
  }

  private isoNow(): string {
    return new Date(this.options.clock.now()).toISOString();
  }
}
