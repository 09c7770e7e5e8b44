/**
 * Runs a pool: feeds the machine with what happens and carries out what it asks for.
 *
 * The backend may be killed at any moment, and the next one must find everything as it is, change nothing that is right and
 * start no VM twice. That rests on the order in which things become durable:
 *
 * 1. A boot token's hash is on the drive before the host's script is sent; the host's ssh keys before its hello is answered.
 *    Killed before: the host says hello again, or boots again. Killed after: the next backend asks it by these keys.
 * 2. A disk is whole, with its record, before it gets its name on the array. Killed before: leftovers that the next creation
 *    removes. Killed after, before 3: its record is found when the array is read, and the disk is taken as it is. The plan is
 *    the same again (same drive, same inventory), so it isn't made on another host first; if that host is gone for good, the
 *    VM has never run from that disk, and the drive's record decides between the two.
 * 3. The disk is in `placement.json` before the VM is started from it. From then on it is never made anew anywhere.
 * 4. Every reachable host was asked for its domains and `mayStart` agreed, before `placement.json` names the VM's host; so the
 *    host it names is the only one that can be running the VM unseen.
 * 5. That name is on the drive before `xl create`. Killed between: the VM doesn't run, and is started there. Killed during:
 *    the next backend lists the domain, or starts it on the same host, where dom0 refuses a second domain of that name.
 */

import type { PoolEvent, PoolSnapshot } from '../../protocol';
import { settingPlace } from '../drive/settingPlace';
import type { Journal } from '../drive/state';
import { servedAddresses } from '../netboot/endpoints';
import type { BootServer, BootServerOptions, NetbootEvent } from '../netboot/server';
import { createBootTokens } from '../netboot/tokens';
import { wakeAll } from '../power/waves';
import { type Random, steadyClock } from '../system';
import { changesBetween, inputOf } from './changes';
import { deferred } from './deferred';
import { Effects, type EffectsOptions } from './effects';
import { type PoolEffect, type PoolInput, type PoolState, isSettled, nextDeadline, openPool, poolTiming, snapshotOf, step } from './machine';
import { PoolError } from './errors';
import { lastHello } from './past';
import { Sessions } from './sessions';
import { shutDownPool } from './shutdown';
import { troubleOf } from './trouble';

export interface PoolRunOptions extends Omit<EffectsOptions, 'probeMs'> {
  readonly startBootServer: (options: BootServerOptions) => Promise<BootServer>;
  readonly random: Random;
  /** Serve addresses although another DHCP server answers on the network. */
  readonly despiteOtherDhcp: boolean;
  readonly onEvent: (event: PoolEvent) => void;
}

export interface PoolRun {
  /** Resolves when every host is up or given up and every VM runs or has a reason not to, or when the pool was shut down before. Rejects when closed before. */
  readonly settled: Promise<PoolSnapshot>;
  snapshot(): PoolSnapshot;
  /** Resolves when the run was closed. */
  readonly closed: Promise<void>;
  /** Stops the VMs in reverse start order, then switches the hosts off. The run is over then; `close` is still the caller's. */
  shutDown(how: { readonly force: boolean }, signal: AbortSignal): Promise<PoolSnapshot>;
  /** Wakes hosts now, beside what the machine does by itself. */
  wake(hosts: readonly string[], signal: AbortSignal): Promise<void>;
  /** Stops serving and closes every session. Hosts and VMs go on. */
  close(): Promise<void>;
}

/** How often the hosts are asked for their domains, to notice what ended by itself; also a guest seen while it shuts down must be seen gone. */
const WATCH_MS = 30_000;

/** Starts serving, then waking. Rejects when the boot server can't be started or the drive's state can't be read. */
export async function runPool(given: PoolRunOptions): Promise<PoolRun> {
  const options = { ...given, clock: steadyClock(given.clock) };
  const { model, state, clock } = options;
  const lock = await state.placement();
  const pasts = Object.fromEntries(
    await Promise.all(
      model.hosts.map(async ({ name }) => {
        const record = await state.hostBoot(name);
        return [name, { hasKeys: lastHello(record) !== undefined, poweredOff: record?.poweredOffAt !== undefined }] as const;
      }),
    ),
  );
  const { boot } = model.cluster;
  const { bootTimeoutMs, wakePauseMs } = options.environment;
  const timing = poolTiming({ ...boot, timeoutMs: bootTimeoutMs ?? boot.timeoutMs, wakePauseMs: wakePauseMs ?? boot.wakePauseMs });
  const machine = openPool({ model, vmUuids: options.vmUuids, lock, pasts, timing }, clock.now());
  const journal = await state.openJournal(new Date(clock.now()).toISOString());
  const run = new Runner(options, machine, journal);
  try {
    await run.open();
  } catch (error) {
    await run.close();
    throw error;
  }
  return run;
}

/** dnsmasq pings an address for three seconds before it offers it. No host is woken into a network where two servers answer. */
const SLOW_DHCP_SERVER_MS = 3500;

class Runner implements PoolRun {
  readonly settled: Promise<PoolSnapshot>;
  readonly closed: Promise<void>;
  private readonly tellClosed: () => void;
  private readonly settle: { readonly resolve: (snapshot: PoolSnapshot) => void; readonly reject: (error: Error) => void };
  /** Ends everything that is under way. */
  private readonly abort = new AbortController();
  /** Ends what may be left half done; a VM that is being started comes to its end before the pool is shut down. */
  private readonly halt = new AbortController();
  private readonly sessions = new Sessions();
  private readonly effects: Effects;
  private readonly underWay = new Set<Promise<void>>();
  private readonly inbox: PoolInput[] = [];
  private draining = false;
  private cancelTimer: () => void = () => undefined;
  private cancelWatch: () => void = () => undefined;
  private server: BootServer | undefined;
  private journalFailed = false;
  /** Set once the pool is being shut down: it is no longer the machine that says how things are. */
  private shutDownSnapshot: PoolSnapshot | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: PoolRunOptions,
    private state: PoolState,
    private readonly journal: Journal,
  ) {
    const settled = deferred<PoolSnapshot>();
    this.settled = settled.promise;
    this.settle = settled;
    const closed = deferred<undefined>();
    this.closed = closed.promise.then(() => undefined);
    this.tellClosed = () => closed.resolve(undefined);
    // Whoever cares awaits it; a run that is closed early is no unhandled rejection.
    this.settled.catch(() => undefined);
    this.effects = new Effects({ ...options, probeMs: state.config.timing.limits.probeMs }, this.sessions, (input) => this.send(input));
  }

  async open(): Promise<void> {
    const { answered, driveFolder, environment, state, clock, random, log, keys, onEvent, despiteOtherDhcp } = this.options;
    this.server = await this.options.startBootServer({
      model: answered,
      imagesFolder: environment.imagesFolder,
      image: () => environment.image(answered()),
      endpoints: environment.netboot,
      stateFolder: environment.stateFolder,
      despiteOtherDhcp,
      ...(environment.target === 'machines' && { waitForOtherDhcpMs: SLOW_DHCP_SERVER_MS }),
      placeOfDhcp: () => settingPlace(driveFolder, 'network', 'dhcp'),
      tokens: createBootTokens({ state, model: answered, clock, random }),
      authorizedKeys: () => keys.authorizedKeys,
      ...(environment.extraArguments && { extraArguments: environment.extraArguments }),
      onEvent: (event) => this.onNetboot(event),
      clock,
      random,
      log,
    });
    onEvent({ event: 'serving', at: this.isoNow(), addresses: servedAddresses(environment.netboot, this.server.ports) });
    await environment.serving(this.server.ports);
    this.send({ kind: 'start' });
    this.watch();
  }

  snapshot(): PoolSnapshot {
    return this.shutDownSnapshot ?? snapshotOf(this.state, this.options.clock.now());
  }

  async shutDown(how: { readonly force: boolean }, signal: AbortSignal): Promise<PoolSnapshot> {
    const { model, vmUuids, clock, state, onEvent } = this.options;
    const before = this.snapshot();
    // From here on the machine is told nothing more, so it asks for nothing more; what it asked for comes to its end first.
    this.shutDownSnapshot = { ...before, phase: 'stopping' };
    this.stopTimers();
    this.halt.abort(new Error('the pool is being shut down'));
    await Promise.allSettled(this.underWay);
    try {
      const result = await shutDownPool({
        model,
        vmUuids,
        before,
        hosts: new Map(this.sessions.entries()),
        state,
        clock,
        force: how.force,
        onChange: (snapshot, change) => {
          this.shutDownSnapshot = snapshot;
          onEvent(change);
        },
        signal,
      });
      this.shutDownSnapshot = result;
      this.record({ shutDown: result });
      return result;
    } finally {
      // A boot under way ends with how far the shutting down came.
      this.settle.resolve(this.snapshot());
    }
  }

  async wake(hosts: readonly string[], signal: AbortSignal): Promise<void> {
    const { answered, environment, clock, log, wakeHost } = this.options;
    await wakeAll({
      hosts: answered().hosts.filter(({ name }) => hosts.includes(name)),
      waves: this.state.config.timing,
      wake: (host) => wakeHost({ host, ...environment.wake(host), clock, log, signal }),
      clock,
      signal,
    });
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    this.stopTimers();
    this.halt.abort(new Error('the run was closed'));
    this.abort.abort(new Error('the run was closed'));
    this.settle.reject(new PoolError('The pool was let go of before it was up.', 'Boot it again.'));
    this.sessions.endAll();
    await Promise.allSettled(this.underWay);
    await this.server?.close();
    await this.journal.close();
    this.tellClosed();
  }

  /** Takes one event after the other, also when an effect ends while another event is being taken. */
  private send(input: PoolInput): void {
    if (this.halt.signal.aborted) return;
    this.inbox.push(input);
    if (this.draining) return;
    this.draining = true;
    try {
      for (let next = this.inbox.shift(); next !== undefined; next = this.inbox.shift()) this.take(next);
    } finally {
      this.draining = false;
    }
  }

  private take(input: PoolInput): void {
    const before = this.state;
    const { state, effects } = step(before, input, this.options.clock.now());
    this.state = state;
    if (input.kind !== 'tick' || effects.length > 0) this.record({ input, effects: effects.map(effectToKeep) });
    for (const event of changesBetween(before, state, this.isoNow())) this.options.onEvent(event);
    if (isSettled(before) !== isSettled(state)) this.options.onEvent({ event: 'pool', at: this.isoNow(), snapshot: this.snapshot() });
    for (const effect of effects) this.begin(effect);
    this.setTimer();
    if (isSettled(state)) this.settle.resolve(this.snapshot());
  }

  private begin(effect: PoolEffect): void {
    const { signal } = effect.kind === 'start-vm' ? this.abort : this.halt;
    const work = this.effects.perform(effect, signal).catch((error: unknown) => {
      this.options.log('error', `PXEN made a mistake while carrying out "${effect.kind}", please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
    this.underWay.add(work);
    void work.then(() => this.underWay.delete(work));
  }

  private onNetboot(event: NetbootEvent): void {
    const { onEvent, model } = this.options;
    onEvent({ event: 'netboot', at: this.isoNow(), ...(event.mac === undefined ? {} : { mac: event.mac }), ...(event.host === undefined ? {} : { host: event.host }), sentence: event.sentence });
    const input = inputOf(event);
    if (input !== undefined && model.hosts.some(({ name }) => name === input.host)) this.send(input);
  }

  private setTimer(): void {
    this.cancelTimer();
    const due = nextDeadline(this.state);
    if (due === undefined) return;
    this.cancelTimer = this.options.clock.after(Math.max(0, due - this.options.clock.now()), () => this.send({ kind: 'tick' }));
  }

  private watch(): void {
    this.cancelWatch = this.options.clock.after(WATCH_MS, () => {
      this.send({ kind: 'watch' });
      this.watch();
    });
  }

  private stopTimers(): void {
    this.cancelTimer();
    this.cancelWatch();
  }

  /** The journal explains a run afterwards; that it can't be written stops nothing, and is told once. */
  private record(entry: Readonly<Record<string, unknown>>): void {
    const work = this.journal.append(entry).catch((error: unknown) => {
      if (this.journalFailed) return;
      this.journalFailed = true;
      this.options.log('warn', `The journal of this run can't be written: ${troubleOf(error).reason}`);
    });
    this.underWay.add(work);
    void work.then(() => this.underWay.delete(work));
  }

  private isoNow(): string {
    return new Date(this.options.clock.now()).toISOString();
  }
}

/** A plan's model and inventory are most of the drive; which plan came of it is in the next entry. */
function effectToKeep(effect: PoolEffect): object {
  return effect.kind === 'plan' ? { kind: 'plan' } : effect;
}
