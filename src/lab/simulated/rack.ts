/** All machines of a lab, and the port where their network cards listen for magic packets. */

import { createSocket, type Socket } from 'node:dgram';
import type { NetbootPorts } from '../../backend/netboot/endpoints';
import type { Clock, Random } from '../../backend/system';
import { macBytes } from './boot/dhcp-client';
import { exportsOf } from './dom0/state';
import type { Rack } from './hardware';
import { Machine, type MachineView } from './machine';

export interface RunningRackOptions {
  readonly rack: Rack;
  readonly clock: Clock;
  readonly random: Random;
  readonly console: (machine: string, line: string) => void;
}

/** Where the machines can be reached. */
export interface RackAddresses {
  /** UDP; whatever comes in is heard by every network card. */
  readonly wakePort: number;
  readonly sshPorts: Readonly<Record<string, number>>;
}

const MAGIC_REPEATS = 16;

export class RunningRack {
  private ports: NetbootPorts | undefined;

  private constructor(
    private readonly rack: Rack,
    private readonly machines: ReadonlyMap<string, Machine>,
    private readonly wakeSocket: Socket,
  ) {
    wakeSocket.on('message', (packet) => this.hear(packet));
  }

  static async start({ rack, clock, random, console: say }: RunningRackOptions): Promise<RunningRack> {
    const exports = exportsOf(rack);
    const holder: { rack?: RunningRack } = {};
    const machines = new Map<string, Machine>();
    for (const hardware of rack.machines) {
      const machine = await Machine.inRack({
        hardware,
        network: rack,
        exports,
        ports: () => holder.rack?.ports,
        clock,
        random,
        console: (line) => say(hardware.name, line),
      });
      machines.set(hardware.name, machine);
    }
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', resolve);
    });
    holder.rack = new RunningRack(rack, machines, socket);
    return holder.rack;
  }

  addresses(): RackAddresses {
    return {
      wakePort: this.wakeSocket.address().port,
      sshPorts: Object.fromEntries([...this.machines].map(([name, machine]) => [name, machine.sshPort])),
    };
  }

  /** The boot server is there now; or nowhere. */
  serve(ports: NetbootPorts | undefined): void {
    this.ports = ports;
  }

  views(): readonly MachineView[] {
    return [...this.machines.values()].map((machine) => machine.view());
  }

  cutPower(name: string): void {
    this.machines.get(name)?.cutPower();
  }

  get allOff(): boolean {
    return this.views().every(({ power }) => power === 'off');
  }

  async close(): Promise<void> {
    await Promise.all([...this.machines.values()].map((machine) => machine.close()));
    await new Promise<void>((resolve) => {
      this.wakeSocket.close(() => resolve());
    });
  }

  private hear(packet: Buffer): void {
    for (const { name, mac, wakePassword } of this.rack.machines) {
      if (wakes(packet, mac, wakePassword)) this.machines.get(name)?.wake();
    }
  }
}

/** AMD's Magic Packet: six times 0xff, then the address sixteen times, anywhere in the packet; then SecureOn's password, if one is set. */
export function wakes(packet: Buffer, mac: string, password?: string): boolean {
  const magic = Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: MAGIC_REPEATS }, () => macBytes(mac))]);
  const at = packet.indexOf(magic);
  if (at < 0) return false;
  if (password === undefined) return true;
  const secret = macBytes(password);
  return packet.subarray(at + magic.length, at + magic.length + secret.length).equals(secret);
}
