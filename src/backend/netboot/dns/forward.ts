/** Hands questions about other names on to the forwarders, over a socket of its own each (RFC 5452: random port and id). */

import net from 'node:net';
import type { Clock, Random } from '../../system';
import { openUdp } from '../sockets';
import { answersForwarded, encodeForwarded, type DnsQuery } from './reply';

export interface ForwarderOptions {
  /** IPv4 addresses, the preferred one first; asked anew for each question. */
  readonly forwarders: () => readonly string[];
  /** Their port. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onTrouble: (sentence: string) => void;
}

export type ForwardedAnswer = { readonly bytes: Buffer } | { readonly failed: 'busy' | 'silent' };

/** Of one forwarder, before the next is asked. A stub resolver asks again after five seconds. */
const WAIT_MS = 1_500;
/** One that was silent is asked last for so long. */
const DISTRUST_MS = 30_000;
const MOST_AT_ONCE = 256;
/** Of these, one address may have so many: a machine gone wild keeps nobody else from an answer. */
const MOST_OF_ONE = 32;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #underWayLimits = new Set<AbortController>();
  readonly #silentAtMs = new Map<string, number>();
  readonly #underWayOf = new Map<string, number>();
  #underWay = 0;
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The forwarder's answer under the asker's id. Never rejects. */
  async ask(query: DnsQuery, asker: string, transport: 'udp' | 'tcp'): Promise<ForwardedAnswer> {
    const ofOne = this.#underWayOf.get(asker) ?? 0;
    if (this.#underWay >= MOST_AT_ONCE || ofOne >= MOST_OF_ONE) return { failed: 'busy' };
    this.#underWay += 1;
    this.#underWayOf.set(asker, ofOne + 1);
    try {
      for (const forwarder of this.#inOrder()) {
        const answer = await this.#askOne(forwarder, query, transport);
        if (answer) return { bytes: answer };
        if (this.#closed) break;
      }
      return { failed: 'silent' };
    } finally {
      this.#underWay -= 1;
      const left = (this.#underWayOf.get(asker) ?? 1) - 1;
      if (left > 0) this.#underWayOf.set(asker, left);
      else this.#underWayOf.delete(asker);
    }
  }

  close(): void {
    this.#closed = true;
    for (const limit of this.#underWayLimits) limit.abort();
  }

  #inOrder(): readonly string[] {
    const now = this.#options.clock.now();
    const distrusted = (forwarder: string) => now - (this.#silentAtMs.get(forwarder) ?? -Infinity) < DISTRUST_MS;
    const forwarders = this.#options.forwarders();
    return [...forwarders.filter((one) => !distrusted(one)), ...forwarders.filter(distrusted)];
  }

  async #askOne(forwarder: string, query: DnsQuery, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const id = this.#options.random(2).readUInt16BE(0);
    const packet = encodeForwarded(query, id);
    if (!packet) return undefined;
    const { clock, port } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(WAIT_MS, () => limit.abort());
    this.#underWayLimits.add(limit);
    try {
      const fits = (bytes: Buffer) => answersForwarded(bytes, id, query.question);
      const answer = await (transport === 'udp' ? exchangeUdp : exchangeTcp)({ address: forwarder, port, packet, fits, signal: limit.signal });
      this.#silentAtMs.delete(forwarder);
      const copy = Buffer.from(answer);
      copy.writeUInt16BE(query.id, 0);
      return copy;
    } catch (error) {
      if (this.#closed) return undefined;
      this.#silentAtMs.set(forwarder, clock.now());
      this.#options.onTrouble(`The name server ${forwarder} (network.forwarders in pxen.yaml) doesn't answer: ${limit.signal.aborted ? `nothing came within ${WAIT_MS} ms` : messageOf(error)}.`);
      return undefined;
    } finally {
      cancel();
      this.#underWayLimits.delete(limit);
    }
  }
}

interface Exchange {
  readonly address: string;
  readonly port: number;
  readonly packet: Buffer;
  readonly fits: (bytes: Buffer) => boolean;
  readonly signal: AbortSignal;
}

/** The first datagram from that address and port that fits. Rejects when the socket fails or `signal` aborts. */
async function exchangeUdp({ address, port, packet, fits, signal }: Exchange): Promise<Buffer> {
  let fail: (error: Error) => void = () => undefined;
  const socket = await openUdp('A forwarded DNS question', { address: '0.0.0.0', port: 0 }, (error) => fail(error));
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      fail = reject;
      const stop = () => reject(new Error('aborted'));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      socket.on('message', (bytes) => {
        if (fits(bytes)) resolve(bytes);
      });
      socket.connect(port, address, (error?: Error) => {
        if (error) reject(error);
        else socket.send(packet);
      });
    });
  } finally {
    socket.close();
  }
}

/** The message after its length (RFC 1035 §4.2.2). Rejects when the connection ends before, or with another message. */
async function exchangeTcp({ address, port, packet, fits, signal }: Exchange): Promise<Buffer> {
  const socket = net.connect({ host: address, port, signal });
  try {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    socket.write(Buffer.concat([length, packet]));
    let received = Buffer.alloc(0);
    for await (const part of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, part]);
      const end = received.length >= 2 ? 2 + received.readUInt16BE(0) : Infinity;
      if (received.length < end) continue;
      const message = received.subarray(2, end);
      if (fits(message)) return message;
      throw new Error('it answered another question');
    }
    throw new Error('it closed the connection');
  } finally {
    socket.destroy();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
