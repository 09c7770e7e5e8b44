/**
 * The one cable of a simulated machine. Whatever address of the pool's network it talks to, its packets come out at the boot
 * server's loopback ports, and get lost on the way when the machine has that fault.
 */

import { createSocket, type Socket } from 'node:dgram';
import type { NetbootPorts } from '../../../backend/netboot/endpoints';

const LOOPBACK = '127.0.0.1';

export interface UdpPort {
  /** Resolves when the packet has left. */
  send(packet: Buffer, port: number): Promise<void>;
  /** The next packet, or undefined when none comes in time. Rejects when `signal` aborts. */
  receive(timeoutMs: number, signal: AbortSignal): Promise<{ readonly packet: Buffer; readonly port: number } | undefined>;
  close(): void;
}

export class Cable {
  /** `ports`: where the boot server is now; undefined while there is none. `loses`: asked once a packet. */
  constructor(
    private readonly ports: () => NetbootPorts | undefined,
    private readonly loses: () => boolean,
    private readonly stretch: (ms: number) => number,
  ) {}

  port(service: keyof NetbootPorts): number | undefined {
    return this.ports()?.[service];
  }

  /** Opens a UDP port of its own on loopback. */
  async open(): Promise<UdpPort> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, LOOPBACK, resolve);
    });
    return new LossyPort(socket, this.loses, this.stretch);
  }

  /** A URL of the boot server, whatever its name in the pool, as it is reached from here. */
  url(text: string): URL {
    const url = new URL(text);
    const port = this.port('http');
    if (port === undefined) throw new Error(`${url.host} doesn't answer: no boot server is running`);
    url.hostname = LOOPBACK;
    url.port = String(port);
    return url;
  }
}

class LossyPort implements UdpPort {
  private readonly arrived: { readonly packet: Buffer; readonly port: number }[] = [];
  private wake: (() => void) | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly loses: () => boolean,
    private readonly stretch: (ms: number) => number,
  ) {
    socket.on('message', (packet, from) => {
      if (this.loses()) return;
      this.arrived.push({ packet, port: from.port });
      this.wake?.();
    });
    // A port that nobody listens on answers by ICMP; to a machine that is the same as no answer.
    socket.on('error', () => undefined);
  }

  send(packet: Buffer, port: number): Promise<void> {
    if (this.loses()) return Promise.resolve();
    return new Promise((resolve) => {
      // What can't be sent is lost, like anything on a cable.
      this.socket.send(packet, port, LOOPBACK, () => resolve());
    });
  }

  async receive(timeoutMs: number, signal: AbortSignal) {
    signal.throwIfAborted();
    if (this.arrived.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const settle = (then: () => void) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          this.wake = undefined;
          then();
        };
        const onAbort = () => settle(() => reject(signal.reason as Error));
        const timer = setTimeout(() => settle(resolve), this.stretch(timeoutMs));
        this.wake = () => settle(resolve);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    }
    return this.arrived.shift();
  }

  close(): void {
    this.socket.close();
  }
}
