/**
 * A world of machines for the runner: they boot when woken, keep their disks and domains whatever becomes of the backend, and
 * fail the test when a VM is started twice or a disk made twice. A backend in it can be killed at any of its actions, before the
 * action takes effect or after.
 */

import type { DriveState, HostBootRecord, Journal, PlacementLock } from '../../src/backend/drive/state';
import type { HostModel, PoolModel } from '../../src/backend/drive/model';
import type { ArrayReport, StorageReport, ConnectHost, CreateDisk, DiskRecord, Domain, DomainConfig, HostControl } from '../../src/backend/hosts/control';
import type { BootServerOptions } from '../../src/backend/netboot/server';
import type { PoolEnvironment } from '../../src/backend/pool/environment';
import { GoldenImages } from '../../src/backend/pool/golden';
import { type PoolRun, type PoolRunOptions, runPool } from '../../src/backend/pool/run';
import type { PoolParts } from '../../src/backend/pool/parts';
import { planPlacement } from '../../src/backend/placement/plan';
import { type Clock, delay, systemRandom } from '../../src/backend/system';
import type { PoolEvent } from '../../src/protocol';
import { storageMount } from '../../src/backend/hosts/mounts';
import { VirtualClock } from './virtualClock';
import { uuidOf } from './models';

interface Machine {
  readonly host: HostModel;
  power: 'off' | 'booting' | 'up';
  boots: number;
  hostKey: string;
  domains: Domain[];
  /** By array: what survives everything. */
  readonly disks: Map<string, DiskRecord[]>;
  /** Ends the sessions that are open. */
  hangUp: () => void;
}

/** Where a backend is killed: at its nth action, before it takes effect or after. */
export interface Kill {
  readonly action: number;
  readonly when: 'before' | 'after';
}

export interface WorldOptions {
  /** Names of hosts that never come up. */
  readonly dead?: readonly string[];
  /** Names of hosts that can't mount shared storage. */
  readonly withoutStorage?: readonly string[];
  /** What waking a host warns of each time. */
  readonly wakeWarning?: string;
  /** Real time, for tests with real sockets and files; machines then boot at once. */
  readonly clock?: Clock;
}

/** From power to each of its steps. */
const BOOT_MS = { firmware: 20_000, script: 1_000, root: 5_000, hello: 3_000, retry: 1_000 };
const BOOT_AT_ONCE_MS = { firmware: 1, script: 1, root: 1, hello: 1, retry: 10 };

export class World {
  readonly clock = new VirtualClock();
  readonly machines: Map<string, Machine>;
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  /** What was really done to the world, in order. */
  readonly deeds: string[] = [];
  /** What backends wrote to the log. */
  readonly told: string[] = [];
  /** What survives a backend: the drive's state folder. */
  private lock: PlacementLock = { assignments: {}, disks: {} };
  private lockIsHere = false;
  private readonly hostBoots = new Map<string, HostBootRecord>();
  private server: BootServerOptions | undefined;
  private count = 0;
  /** Hosts that don't heed a magic packet. */
  readonly dead: Set<string>;
  readonly withoutStorage: Set<string>;
  /** By shared storage: what every host that has mounted it sees. */
  private readonly shared: ReadonlyMap<string, DiskRecord[]>;
  /** What machines and backends go by. */
  private readonly time: Clock;
  private readonly bootMs: typeof BOOT_MS;

  constructor(
    readonly model: PoolModel,
    private readonly options: WorldOptions = {},
  ) {
    this.dead = new Set(options.dead);
    this.withoutStorage = new Set(options.withoutStorage);
    this.shared = new Map(model.cluster.storage.map(({ name }) => [name, []]));
    this.time = options.clock ?? this.clock;
    this.bootMs = options.clock === undefined ? BOOT_MS : BOOT_AT_ONCE_MS;
    this.machines = new Map(
      model.hosts.map((host) => [
        host.name,
        { host, power: 'off', boots: 0, hostKey: '', domains: [], disks: new Map(host.arrays.map(({ name }) => [name, []])), hangUp: () => undefined },
      ]),
    );
  }

  /** Starts a backend. `events` collects what it says; with `kill` it stops for good at that action. */
  async startBackend(kill?: Kill): Promise<Backend> {
    const backend = new Backend(kill);
    const events: PoolEvent[] = [];
    const clock = {
      now: () => this.clock.now(),
      after: (delayMs: number, callback: () => void) =>
        this.clock.after(delayMs, () => {
          if (!backend.dead) callback();
        }),
    };
    const options: PoolRunOptions = {
      model: this.model,
      answered: () => this.model,
      driveId: '00000000-0000-4000-8000-000000000000',
      driveFolder: '/drive',
      specText: () => undefined,
      vmUuids: Object.fromEntries(this.model.vms.map(({ name }) => [name, uuidOf(name)])),
      environment: environment(),
      state: this.driveState(backend),
      keys: { privateKey: 'private', authorizedKeys: ['public'] },
      golden: new GoldenImages('/drive', '/cache'),
      connectHost: this.connectHost(backend),
      wakeHost: ({ host, log }) => {
        if (this.options.wakeWarning !== undefined) log('warn', `${host.name}: ${this.options.wakeWarning}`);
        return backend.act(`wake ${host.name}`, () => this.powerOn(host.name));
      },
      planPlacement,
      startBootServer: this.startBootServer(backend),
      despiteOtherDhcp: false,
      clock,
      random: (size) => Buffer.alloc(size, (this.count += 1)),
      log: (level, sentence) => this.told.push(`${level}: ${sentence}`),
      onEvent: (event) => events.push(event),
    };
    backend.events = events;
    // A backend may die while it still reads the drive: then there is no run.
    backend.run = await this.clock.runUntil(Promise.race([runPool(options), backend.died.then(() => undefined)]));
    return backend;
  }

  /** The parts a service is run with, in real time; its state is its own. */
  parts(): PoolParts {
    const backend = new Backend(undefined);
    return {
      startBootServer: this.startBootServer(backend),
      wakeHost: ({ host }) => backend.act(`wake ${host.name}`, () => this.powerOn(host.name)),
      connectHost: this.connectHost(backend),
      planPlacement,
      clock: this.time,
      random: systemRandom,
      interfaces: () => ({}),
    };
  }

  /** Every disk by key, with where it is. */
  disks(): readonly string[] {
    const local = [...this.machines.values()].flatMap(({ host, disks }) => [...disks].map(([array, records]) => [`${host.name}/${array}`, records] as const));
    return [...local, ...this.shared].flatMap(([place, records]) => records.map((record) => `${record.vm}/${record.disk} on ${place}`)).sort();
  }

  running(): readonly string[] {
    return [...this.machines.values()].flatMap(({ host, domains }) => domains.map(({ name }) => `${name} on ${host.name}`)).sort();
  }

  /** Pulls the plug; RAM is gone, disks stay. */
  pullPlug(name: string): void {
    const machine = this.machine(name);
    machine.power = 'off';
    machine.domains = [];
    machine.hangUp();
  }

  /** Breaks the sessions with a host that runs on. */
  breakSessions(name: string): void {
    this.machine(name).hangUp();
  }

  /** What anybody on the network can do: fetches a host's boot script. */
  async fetchScript(name: string): Promise<void> {
    const { host } = this.machine(name);
    const [mac] = host.macs;
    const server = await this.untilServed();
    await server.tokens.issue(mac);
    server.onEvent({ kind: 'script', mac, host: name, sentence: 'script' });
  }

  /** What its host says of a guest from now on; undefined: it is gone. */
  setGuest(vm: string, domainState: Domain['state'] | undefined): void {
    for (const machine of this.machines.values()) {
      machine.domains = machine.domains.flatMap((domain) => (domain.name !== vm ? [domain] : domainState === undefined ? [] : [{ ...domain, state: domainState }]));
    }
  }

  private startBootServer(backend: Backend): PoolParts['startBootServer'] {
    return (server) => {
      this.server = server;
      const forget = () => {
        if (this.server === server) this.server = undefined;
      };
      backend.onDeath(forget);
      const close = () => {
        forget();
        return Promise.resolve();
      };
      return Promise.resolve({ ports: { dhcp: 67, proxyDhcp: 4011, tftp: 69, http: 80, dns: 53 }, close });
    };
  }

  private powerOn(name: string): void {
    const machine = this.machine(name);
    if (machine.power !== 'off' || this.dead.has(name)) return;
    machine.power = 'booting';
    machine.boots += 1;
    void this.boot(machine);
  }

  /** Firmware, boot program and initrd try until somebody answers. */
  private async boot(machine: Machine): Promise<void> {
    const { host } = machine;
    const [mac] = host.macs;
    await delay(this.time, this.bootMs.firmware);
    const server = await this.untilServed();
    server.onEvent({ kind: 'dhcp', mac, host: host.name, client: 'bios', sentence: 'dhcp' });
    await delay(this.time, this.bootMs.script);
    const token = await this.untilAnswered(({ tokens }) => tokens.issue(mac));
    (await this.untilServed()).onEvent({ kind: 'script', mac, host: host.name, sentence: 'script' });
    await delay(this.time, this.bootMs.root);
    (await this.untilServed()).onEvent({ kind: 'image', mac, host: host.name, file: 'root.squashfs', bytesSent: 1, bytesTotal: 1, sentence: 'root' });
    await delay(this.time, this.bootMs.hello);
    machine.hostKey = `ssh-ed25519 ${host.name}-${machine.boots}`;
    await this.untilAnswered(({ tokens }) => tokens.redeem({ mac, token, hostKeys: [machine.hostKey] }));
    machine.power = 'up';
    (await this.untilServed()).onEvent({ kind: 'hello', mac, host: host.name, hostKeys: [machine.hostKey], address: host.address, sentence: 'hello' });
  }

  /** A backend that dies meanwhile answers nothing, and the machine asks again. */
  private async untilAnswered<Answer>(ask: (server: BootServerOptions) => Promise<Answer>): Promise<Answer> {
    for (;;) {
      const answer = await Promise.race([ask(await this.untilServed()).then((value) => ({ value })), delay(this.time, 5_000).then(() => undefined)]);
      if (answer !== undefined) return answer.value;
    }
  }

  private async untilServed(): Promise<BootServerOptions> {
    while (this.server === undefined) await delay(this.time, this.bootMs.retry);
    return this.server;
  }

  private driveState(backend: Backend): DriveState {
    this.lockIsHere = true;
    const journal: Journal = { append: () => Promise.resolve(), close: () => Promise.resolve() };
    return {
      folder: '/drive/state',
      identity: () => Promise.resolve({ driveId: '00000000-0000-4000-8000-000000000000', createdAt: '2026-01-01T00:00:00Z' }),
      placement: () => Promise.resolve(this.lock),
      writePlacement: (lock) => backend.act('write placement', () => void (this.lock = lock)),
      hostBoot: (host) => Promise.resolve(this.hostBoots.get(host)),
      writeHostBoot: (host, record) => backend.act(`write host ${host}`, () => void this.hostBoots.set(host, record)),
      openJournal: () => Promise.resolve(journal),
    };
  }

  private connectHost(backend: Backend): ConnectHost {
    return async ({ host, hostKeys }) => {
      const machine = this.machine(host.name);
      await backend.act(`connect ${host.name}`, () => undefined);
      if (machine.power !== 'up') throw new Error(`${host.name} doesn't answer`);
      if (!hostKeys.includes(machine.hostKey)) throw new Error(`${host.name} shows another key`);
      return this.control(backend, machine);
    };
  }

  private control(backend: Backend, machine: Machine): HostControl {
    const { host } = machine;
    let hangUp: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (hangUp = resolve));
    const former = machine.hangUp;
    machine.hangUp = () => {
      former();
      hangUp();
    };
    const boot = machine.boots;
    const act = async <Result>(what: string, deed: () => Result): Promise<Result> => {
      const result = await backend.act(`${what} on ${host.name}`, () => {
        if (machine.power !== 'up' || machine.boots !== boot) throw new Error(`${host.name} is gone`);
        return deed();
      });
      return result;
    };
    return {
      closed,
      close: () => hangUp(),
      facts: () => act('facts', () => ({ bootId: `${host.name}-${machine.boots}`, xenVersion: '4.20', cpus: host.cpus, memoryBytes: host.memoryBytes, freeMemoryBytes: host.memoryBytes })),
      bringUpArrays: (arrays) =>
        act('arrays', () => arrays.map((array): ArrayReport => ({ status: { name: array.name, state: 'clean', mounted: true }, capacityBytes: array.capacityBytes, disks: [...(machine.disks.get(array.name) ?? [])] }))),
      mountStorage: (storage) =>
        act('storage', () => storage.map(({ name }): StorageReport => (this.withoutStorage.has(host.name) ? { name, mounted: false, detail: 'no route', disks: [] } : { name, mounted: true, disks: [...(this.shared.get(name) ?? [])] }))),
      listDomains: () => act('list', () => [...machine.domains]),
      createDisk: (request) => act(`make disk ${request.record.vm}/${request.record.disk}`, () => this.makeDisk(machine, request)),
      writeVmRecord: () => Promise.resolve(),
      startVm: (domain) => act(`start ${domain.name}`, () => this.startDomain(machine, domain)),
      stopVm: (uuid) => act('stop', () => void (machine.domains = machine.domains.filter((domain) => domain.uuid !== uuid))),
      powerOff: () =>
        act('power off', () => {
          machine.power = 'off';
          machine.hangUp();
        }),
    };
  }

  private makeDisk(machine: Machine, { record, mount }: CreateDisk): void {
    const array = machine.host.arrays.find((one) => one.mount === mount)?.name;
    const storage = [...this.shared.keys()].find((name) => storageMount({ name }) === mount);
    if (storage !== undefined && this.withoutStorage.has(machine.host.name)) this.violations.push(`a disk was made in the RAM of ${machine.host.name}`);
    const records = array === undefined ? this.shared.get(storage ?? '') : machine.disks.get(array);
    if (records === undefined) throw new Error(`${machine.host.name} has nothing mounted at ${mount}`);
    const key = `${record.vm}/${record.disk}`;
    if (this.disks().some((disk) => disk.startsWith(`${key} `))) this.violations.push(`disk ${key} was made twice`);
    records.push(record);
    this.deeds.push(`make ${key} on ${machine.host.name}`);
  }

  private startDomain(machine: Machine, { name, uuid, memoryBytes, vcpus, disks }: DomainConfig): void {
    for (const other of this.machines.values()) {
      if (other.domains.some((domain) => domain.uuid === uuid)) this.violations.push(`${name} was started on ${machine.host.name} while it ran on ${other.host.name}`);
    }
    if (this.lockIsHere && this.lock.assignments[name] !== machine.host.name) this.violations.push(`${name} was started on ${machine.host.name}, which the drive doesn't name`);
    for (const { record } of disks) {
      if (this.lockIsHere && this.lock.disks[`${name}/${record.disk}`] === undefined) this.violations.push(`${name} was started from a disk that the drive doesn't record`);
    }
    machine.domains.push({ name, uuid, id: machine.domains.length + 1, memoryBytes, vcpus, state: 'running' });
    this.deeds.push(`start ${name} on ${machine.host.name}`);
  }

  private machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }
}

/** One life of a backend. Dead, it does nothing more and hears nothing more. */
export class Backend {
  dead = false;
  actions = 0;
  run: PoolRun | undefined;
  events: PoolEvent[] = [];
  private readonly mourners: (() => void)[] = [];
  readonly died: Promise<void>;

  constructor(private readonly kill: Kill | undefined) {
    this.died = new Promise((resolve) => this.mourners.push(resolve));
  }

  onDeath(callback: () => void): void {
    this.mourners.push(callback);
  }

  die(): void {
    if (this.dead) return;
    this.dead = true;
    for (const mourner of this.mourners) mourner();
  }

  /** Does something to the world. What a dead backend waits for never comes. */
  async act<Result>(_what: string, deed: () => Result): Promise<Result> {
    if (this.dead) return never();
    this.actions += 1;
    const mine = this.kill?.action === this.actions ? this.kill.when : undefined;
    if (mine === 'before') {
      this.die();
      return never();
    }
    const result = deed();
    if (mine === 'after') {
      this.die();
      return never();
    }
    return Promise.resolve(result);
  }
}

function never<Result>(): Promise<Result> {
  return new Promise(() => undefined);
}

/** Surroundings whose addresses nobody uses. */
export function environment(folder = '/drive'): PoolEnvironment {
  return {
    target: 'machines',
    stateFolder: `${folder}/state`,
    keysFolder: `${folder}/keys`,
    imagesFolder: `${folder}/images`,
    netboot: { bindAddress: '10.77.0.1', ports: { dhcp: 67, proxyDhcp: 4011, tftp: 69, http: 80, dns: 53 }, dhcpReplies: 'rfc2131' },
    image: () => 'dom0-1',
    wake: () => ({ from: '10.77.0.1', to: [] }),
    ssh: ({ address }) => ({ address, port: 22 }),
    serving: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
