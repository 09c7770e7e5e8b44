/** One simulated machine: power, boot, dom0. What is on its disks outlives a power cut; all else is gone with it. */

import { createServer, type Server } from 'node:net';
import { newKeyPair } from '../../backend/hosts/keyPair';
import type { NetbootPorts } from '../../backend/netboot/endpoints';
import { delay, type Clock, type Random } from '../../backend/system';
import { bootDom0 } from './boot/initrd';
import { bootFromNetwork, type MachineUnderBoot } from './boot/firmware';
import { Cable } from './boot/network';
import type { Filesystem } from './dom0/files';
import { runLine } from './dom0/shell';
import { freshMemory, storageOf, type Memory, type Storage } from './dom0/state';
import type { Death, Fault } from './faults';
import { uuidFrom, type Hardware, type Rack } from './hardware';
import { Sshd } from './sshd';

export interface MachineOptions {
  readonly hardware: Hardware;
  readonly network: Pick<Rack, 'dhcp' | 'serverAddress'>;
  /** NFS exports by source. */
  readonly exports: ReadonlyMap<string, Filesystem>;
  readonly ports: () => NetbootPorts | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly console: (line: string) => void;
}

/** What can be seen from outside, and what tests ask for. */
export interface MachineView {
  readonly name: string;
  readonly power: 'off' | 'booting' | 'up';
  readonly boots: number;
  readonly domains: readonly { readonly name: string; readonly uuid: string }[];
  /** Every domain ever created on it, over all boots. */
  readonly created: readonly string[];
  /** The last lines on its screen. */
  readonly screen: readonly string[];
}

const SCREEN_LINES = 200;

/** Self-test before the network boot, and the pause before a failed boot is tried again. */
const SELF_TEST_MS = 150;
const TRY_AGAIN_MS = 500;

class PowerLost extends Error {}

interface Power {
  readonly off: AbortController;
  memory?: Memory;
  sshd?: Sshd;
}

export class Machine {
  private readonly storage: Storage;
  private readonly server: Server;
  private power: Power | undefined;
  private boots = 0;
  private downloads = 0;
  private readonly created: string[] = [];
  private readonly screen: string[] = [];
  private readonly spent = new Set<Fault>();

  private constructor(private readonly options: MachineOptions) {
    this.storage = storageOf(options.hardware, options.exports);
    // The port stays the machine's for the lab's life; while nobody is home, connections are cut off.
    this.server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      const sshd = this.power?.sshd;
      if (sshd === undefined) socket.destroy();
      else sshd.accept(socket);
    });
  }

  static async inRack(options: MachineOptions): Promise<Machine> {
    const machine = new Machine(options);
    await new Promise<void>((resolve, reject) => {
      machine.server.once('error', reject);
      machine.server.listen(0, '127.0.0.1', resolve);
    });
    return machine;
  }

  get sshPort(): number {
    const address = this.server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  }

  view(): MachineView {
    return {
      name: this.options.hardware.name,
      power: this.power === undefined ? 'off' : this.power.sshd === undefined ? 'booting' : 'up',
      boots: this.boots,
      domains: (this.power?.memory?.domains ?? []).map(({ name, uuid }) => ({ name, uuid })),
      created: this.created,
      screen: this.screen,
    };
  }

  /** A magic packet with its MAC arrived. */
  wake(): void {
    if (this.power !== undefined) return;
    if (this.has('never-wakes') !== undefined) {
      this.print('a magic packet, and no reaction');
      return;
    }
    const power: Power = { off: new AbortController() };
    this.power = power;
    this.boots += 1;
    this.print('power on');
    this.run(power).catch((error: unknown) => {
      if (power.off.signal.aborted) return;
      this.print(`the lab itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      this.cutPower();
    });
  }

  private print(line: string): void {
    this.screen.push(line);
    if (this.screen.length > SCREEN_LINES) this.screen.shift();
    this.options.console(line);
  }

  /** At once, as by pulling the plug. */
  cutPower(): void {
    const { power } = this;
    if (power === undefined) return;
    this.power = undefined;
    power.off.abort(new PowerLost('power lost'));
    power.sshd?.cut();
    this.print('power off');
  }

  async close(): Promise<void> {
    this.cutPower();
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
  }

  private async run(power: Power): Promise<void> {
    const under = this.underBoot(power);
    for (;;) {
      await under.pause(SELF_TEST_MS);
      try {
        await this.boot(power, under);
        return;
      } catch (error) {
        under.signal.throwIfAborted();
        under.console(error instanceof Error ? error.message : String(error));
        await under.pause(TRY_AGAIN_MS);
      }
    }
  }

  private async boot(power: Power, under: MachineUnderBoot): Promise<void> {
    const { clock, random } = this.options;
    const xen = await bootFromNetwork(under);
    const keys = newKeyPair();
    const announced = await bootDom0(under, xen, keys.public, (content) => this.damage(content));
    under.reached('ssh');
    const memory = freshMemory(uuidFrom(random(16).toString('hex')), clock.now());
    power.memory = memory;
    power.sshd = new Sshd({
      hostKey: keys.private,
      authorizedKeys: announced.authorizedKeys,
      run: (line, stdin) => this.execute(power, under, memory, line, stdin),
    });
    this.print(`${announced.hostname} login:`);
  }

  private async execute(power: Power, under: MachineUnderBoot, memory: Memory, line: string, stdin: AsyncIterable<Buffer>) {
    const { hardware, clock } = this.options;
    const ended = await runLine(line, {
      hardware,
      storage: this.storage,
      memory,
      now: () => clock.now(),
      stdin,
      pause: (ms) => under.pause(ms),
      reachedArrays: () => under.reached('arrays'),
      // The order is answered first, as by a real init.
      switchOff: () => void clock.after(50, () => this.power === power && this.cutPower()),
      console: (text) => {
        const name = /^\(XEN\) domain \d+ (\S+) .* created$/.exec(text)?.[1];
        if (name !== undefined) this.created.push(name);
        this.print(text);
      },
    });
    under.signal.throwIfAborted();
    if (ended.code === 127 || ended.stderr.includes('not known to the lab')) this.print(`dom0 does not know: ${line}`);
    return ended;
  }

  private underBoot(power: Power): MachineUnderBoot {
    const { hardware, network, ports, clock, random } = this.options;
    const { signal } = power.off;
    const factor = this.has('slow')?.factor ?? 1;
    const share = this.has('packet-loss')?.share ?? 0;
    return {
      hardware,
      network,
      cable: new Cable(ports, () => share > 0 && random(4).readUInt32BE(0) / 0x1_0000_0000 < share, (ms) => ms * factor),
      signal,
      random,
      pause: (ms) => delay(clock, ms * factor, signal),
      reached: (state) => {
        signal.throwIfAborted();
        if (!this.diesAt(state)) return;
        this.cutPower();
        throw new PowerLost(`power lost at ${state}`);
      },
      console: (line) => this.print(line),
    };
  }

  private diesAt(state: Death): boolean {
    const fault = this.options.hardware.faults.find((one) => one.kind === 'dies-at' && one.state === state && !this.spent.has(one));
    if (fault?.kind === 'dies-at' && fault.times === 'once') this.spent.add(fault);
    return fault !== undefined;
  }

  private damage(content: Buffer): Buffer {
    this.downloads += 1;
    if (this.has('damaged-download') === undefined || this.downloads > 1) return content;
    const damaged = Buffer.from(content);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 0xff;
    return damaged;
  }

  private has<Kind extends Fault['kind']>(kind: Kind): Extract<Fault, { readonly kind: Kind }> | undefined {
    return this.options.hardware.faults.find((fault): fault is Extract<Fault, { readonly kind: Kind }> => fault.kind === kind);
  }
}
