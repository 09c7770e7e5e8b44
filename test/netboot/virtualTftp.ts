/** The TFTP server's own code on a link in virtual time: machines as patient as firmware, and others that never answer. */

import { encodeTftp } from '../../src/backend/netboot/tftp/codec';
import { TftpSessions, type TftpEvent } from '../../src/backend/netboot/tftp/sessions';
import type { ChannelEnds, Peer } from '../../src/backend/netboot/tftp/wire';
import { FirmwareTftp } from './firmwareTftp';
import { VirtualLink } from './virtualLink';
import type { Weather } from './weather';

export interface MachineOptions extends Peer {
  readonly windowSize?: number;
  /** Of `timeout` (RFC 2349), seconds. */
  readonly timeout?: number;
  /** Asks again from another port, as iPXE does. */
  readonly changesPort?: boolean;
  /** So long after the option acknowledgement it is acknowledged, milliseconds. */
  readonly slowAtFirstMs?: number;
}

export interface Machine {
  readonly rom: FirmwareTftp;
  loadedAtMs?: number;
  gaveUp?: string;
}

const FILE = 'snponly.efi';
const BLOCK_BYTES = 1468;
export const CONTENT = Buffer.from(Uint32Array.from({ length: 16 << 10 }, (_, index) => Math.imul(index, 2654435761)).buffer);

export class VirtualTftp {
  readonly link: VirtualLink;
  readonly events: TftpEvent[] = [];
  mostRunning = 0;
  readonly #sessions: TftpSessions;
  readonly #clients = new Map<string, (bytes: Buffer) => void>();
  readonly #channels = new Map<string, ChannelEnds>();

  constructor(concurrency: number, weather: Weather = { lost: 0, doubled: 0, late: 0 }, seed = 1) {
    this.link = new VirtualLink({ bytesPerSecond: 125e6, queueBytes: 4 << 20, weather, seed });
    const send = (peer: Peer, bytes: Buffer) => this.link.down(bytes.length, () => this.#clients.get(keyOf(peer))?.(bytes));
    this.#sessions = new TftpSessions(
      {
        files: () => ({ folder: '/images/x', names: [FILE] }),
        limits: { largestBlock: BLOCK_BYTES, largestWindow: 16 },
        concurrency,
        clock: this.link,
        onEvent: (event) => this.events.push(event),
        onLoad: ({ running }) => {
          this.mostRunning = Math.max(this.mostRunning, running);
          this.link.settling = true;
        },
      },
      {
        reply: send,
        open: (peer, ends) => {
          this.#channels.set(keyOf(peer), ends);
          return Promise.resolve({ send: (parts) => send(peer, Buffer.concat(parts)), close: () => void this.#channels.delete(keyOf(peer)), closed: Promise.resolve() });
        },
      },
      () => Promise.resolve(CONTENT),
    );
  }

  /** How many transfers there are now. */
  get open(): number {
    return this.#channels.size;
  }

  /** A request from somebody who takes in nothing, unless `onPacket` does. */
  ask(peer: Peer, options: Readonly<Record<string, string>> = {}, file = FILE, onPacket?: (bytes: Buffer) => void): void {
    if (onPacket) this.#clients.set(keyOf(peer), onPacket);
    this.#request(encodeTftp({ kind: 'read', file, mode: 'octet', options: new Map(Object.entries(options)) }), peer);
  }

  acknowledge(peer: Peer, bytes: Buffer): void {
    this.link.up(() => this.#channels.get(keyOf(peer))?.receive(bytes));
  }

  /** Switched on now. */
  machine({ address, port, windowSize, timeout, changesPort = false, slowAtFirstMs = 0 }: MachineOptions): Machine {
    let from = port;
    const rom = new FirmwareTftp({
      file: FILE,
      blockBytes: BLOCK_BYTES,
      windowSize,
      timeout,
      clock: this.link,
      ask: (request) => {
        if (changesPort) {
          this.#clients.delete(keyOf({ address, port: from }));
          from += 1;
        }
        this.#clients.set(keyOf({ address, port: from }), (bytes) => rom.receive(bytes));
        this.#request(request, { address, port: from });
      },
      acknowledge: (bytes) => {
        const peer = { address, port: from };
        this.link.after(rom.parts.length === 0 ? slowAtFirstMs : 0, () => this.acknowledge(peer, bytes));
      },
      onLoaded: () => (machine.loadedAtMs = this.link.now()),
      onGivenUp: (why) => (machine.gaveUp = why),
    });
    const machine: Machine = { rom };
    rom.ask();
    return machine;
  }

  #request(bytes: Buffer, peer: Peer): void {
    this.link.up(() => {
      this.#sessions.receive(bytes, peer);
      this.link.settling = true;
    });
  }
}

function keyOf({ address, port }: Peer): string {
  return `${address}:${port}`;
}
