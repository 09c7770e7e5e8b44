/** Packets that were damaged on their way, or made to harm: by the ten thousand, always the same ones. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import vm from 'node:vm';
import v8 from 'node:v8';
import type { PoolModel } from '../../src/backend/drive/model';
import { answerDhcp, type DhcpAnswer } from '../../src/backend/netboot/answers/dhcp';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { openLeaseBook, type LeaseBook } from '../../src/backend/netboot/dhcp/leaseBook';
import { createLending } from '../../src/backend/netboot/dhcp/lending';
import { OPTION, uint16Of } from '../../src/backend/netboot/dhcp/options';
import { openLookout, PROBE_MAC } from '../../src/backend/netboot/dhcp/otherServers';
import { createAnswerLimiter } from '../../src/backend/netboot/dns/limits';
import { answersForwarded, encodeForwarded, encodeReply, readQuery, truncatedReply } from '../../src/backend/netboot/dns/reply';
import { ipv4Bytes } from '../../src/backend/netboot/ipv4';
import { decodeTftp, encodeTftp } from '../../src/backend/netboot/tftp/codec';
import { TftpSessions } from '../../src/backend/netboot/tftp/sessions';
import type { ChannelEnds } from '../../src/backend/netboot/tftp/wire';
import type { Clock } from '../../src/backend/system';
import { CLIENTS, pool, request, STRANGER } from './clients';
import { dnsSeeds, forwardersSeeds } from './dnsSeeds';

/** A protocol as far as one datagram goes: whole ones to start from, and what takes a damaged one. */
export interface Protocol {
  readonly seeds: readonly Buffer[];
  /** Must bear anything. Where it begins something that goes on, the promise resolves when that has come to rest. */
  readonly take: (packet: Buffer) => Promise<unknown> | undefined;
  /** How often what lies behind the codec was reached: packets that are all turned away at the door show nothing. */
  readonly reached: Readonly<Record<string, number>>;
  /** Exceptions that the product catches and tells of. */
  readonly exceptions?: readonly string[];
}

export interface Damage {
  readonly packets: number;
  /** The slowest packet, hiccups of the machine left out, milliseconds. */
  readonly slowestMs: number;
  readonly slowest: Buffer;
  /** Packets that took five milliseconds of the processor when they came first, though none when they came again: after them a transfer has moved on. */
  readonly slowOnce: number;
  /** Growth of the heap between the first tenth and the end, bytes. */
  readonly growth: number;
  /** What was reached less often than once in five thousand packets. */
  readonly hardlyReached: readonly string[];
}

/** A packet is timed again when it was slow: only what is slow each time is the packet's own doing. */
const HICCUP_MS = 1;
const RETRIES = 5;
const SLOW_MS = 5;

export async function damage({ seeds, take, reached, exceptions = [] }: Protocol, packets: number): Promise<Damage> {
  const random = numbers(20_261_123);
  let slowestMs = 0;
  let slowest: Buffer = Buffer.alloc(0);
  let slowOnce = 0;
  let before = 0;
  for (let count = 0; count < packets; count += 1) {
    if (count === Math.floor(packets / 10)) before = heapAfterCollection();
    const packet = mutated(seeds, random);
    const processor = process.cpuUsage();
    let ms = await timed(take, packet);
    if (ms > SLOW_MS && busyMs(processor) > SLOW_MS) slowOnce += 1;
    for (let retry = 0; ms > HICCUP_MS && retry < RETRIES; retry += 1) ms = Math.min(ms, await timed(take, packet));
    if (ms > slowestMs) [slowestMs, slowest] = [ms, packet];
    if (exceptions.length > 0) throw new Error(`${exceptions.join(', ')}, at the latest for ${packet.toString('hex')}`);
  }
  const hardlyReached = Object.entries(reached).filter(([, times]) => times < packets / 5000).map(([what, times]) => `${what}: ${times} times`);
  return { packets, slowestMs, slowest, slowOnce, growth: heapAfterCollection() - before, hardlyReached };
}

async function timed(take: Protocol['take'], packet: Buffer): Promise<number> {
  const start = performance.now();
  const going = take(packet);
  if (going) await going;
  return performance.now() - start;
}

/** Unlike the clock, it stands still while the machine does something else. */
function busyMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function heapAfterCollection(): number {
  v8.setFlagsFromString('--expose-gc');
  (vm.runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Octets that decide something: lengths, ends, signs, pointers. */
const TELLING = [0, 1, 2, 4, 6, 12, 43, 52, 53, 61, 63, 64, 82, 93, 127, 128, 175, 191, 192, 193, 254, 255];

/** One to eight changes: an octet, a bit, a cut, a piece twice, a piece of another packet, noise behind. */
function mutated(seeds: readonly Buffer[], random: () => number): Buffer {
  const below = (limit: number) => random() % Math.max(1, limit);
  let packet: Buffer = Buffer.from(seeds[below(seeds.length)] ?? []);
  for (let changes = 1 + below(8); changes > 0; changes -= 1) {
    const at = below(packet.length);
    switch (below(8)) {
      case 0:
      case 1:
        packet[at] = TELLING[below(TELLING.length)] ?? 0;
        break;
      case 2:
      case 3:
        packet[at] = below(256);
        break;
      case 4:
        packet[at] = (packet[at] ?? 0) ^ (1 << below(8));
        break;
      case 5:
        packet = packet.subarray(0, at);
        break;
      case 6: {
        const other = seeds[below(seeds.length)] ?? packet;
        const from = below(other.length);
        packet = Buffer.concat([packet.subarray(0, at), other.subarray(from, from + below(300)), packet.subarray(at)]).subarray(0, 1500);
        break;
      }
      case 7:
        packet = Buffer.concat([packet, Buffer.alloc(below(64), below(256))]).subarray(0, 1500);
        break;
    }
  }
  // A copy, so that what keeps a piece of a packet keeps no more than that packet.
  return Buffer.from(packet);
}

/** xorshift32 (Marsaglia 2003): quick, and the same everywhere. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Goes on when told to. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers]) if (timer.atMs <= this.#nowMs && this.#timers.delete(timer)) timer.callback();
  }
}

/**
 * From the datagram to the reply's bytes, as server of the network and as proxy, on both ports; and to what the lender of a range
 * writes into its book, and the look for other servers finds. Between two packets a second passes.
 */
export async function dhcp(): Promise<Protocol> {
  const [server, proxy] = [pool('authoritative'), pool('proxy')];
  const range = { from: '10.77.0.100', to: '10.77.0.200', leaseMs: 3_600_000 };
  const lender = { ...server, cluster: { ...server.cluster, network: { ...server.cluster.network, range } } };
  const address = '10.77.0.1';
  const clock = new HandClock();
  const onTrouble = () => undefined;
  const reached = { replies: 0, offered: 0, lent: 0, 'given back': 0, avoided: 0, 'other servers': 0 };
  // In memory only: what is never asked to be saved is never written.
  const written = await openLeaseBook('/nowhere', clock, onTrouble);
  const book: LeaseBook = {
    ...written,
    apply: (change) => {
      reached[change.state === 'free' ? 'given back' : change.state] += 1;
      written.apply(change);
    },
    saved: () => Promise.resolve(),
  };
  const neighbour = { mac: '52:54:00:00:00:07', isRemembered: false };
  const settle = createLending({ book, clock, onTrouble, findNeighbour: (at) => Promise.resolve(at.endsWith('7') ? neighbour : undefined) });
  const lookout = openLookout({
    address,
    clock,
    random: (size) => Buffer.alloc(size, 7),
    send: () => undefined,
    onLook: () => undefined,
    onFound: () => (reached['other servers'] += 1),
    onNone: () => undefined,
    nextLookMs: () => 1000,
  });
  const answered = (answer: DhcpAnswer, message: DhcpMessage) => {
    if (answer.kind !== 'reply') return;
    reached.replies += 1;
    encodeDhcp(answer.message, uint16Of(message.options, OPTION.maximumMessageSize));
  };
  const types = ['discover', 'request', 'inform', 'decline', 'release'] as const;
  /** One of them is found to be somebody else's. */
  const wishes = ['10.77.0.123', '10.77.0.124', '10.77.0.127'];
  const stranger = (type: (typeof types)[number], wish: string) =>
    request({ type, mac: STRANGER, fields: { clientAddress: type === 'release' ? wish : '0.0.0.0' }, options: [...CLIENTS.linux, [OPTION.requestedAddress, ipv4Bytes(wish)]] });
  const others = (['offer', 'ack'] as const).map((type) =>
    request({ type, mac: PROBE_MAC, fields: { op: 'reply', transactionId: 0x07070707, relayAddress: address, yourAddress: '10.77.0.150' }, options: [[OPTION.serverIdentifier, ipv4Bytes('10.77.0.2')]] }),
  );
  return {
    reached,
    seeds: [
      ...types.flatMap((type) => Object.values(CLIENTS).map((options) => request({ type, options }))),
      ...types.flatMap((type) => wishes.map((wish) => stranger(type, wish))),
      ...others,
    ].map((message) => encodeDhcp(message, 1500).bytes),
    take: (packet) => {
      clock.advance(1000);
      const decoded = decodeDhcp(packet);
      if ('problem' in decoded || lookout.take(decoded.message, '10.77.0.2')) return undefined;
      const { message } = decoded;
      const decide = (model: PoolModel, port: 'dhcp' | 'pxe') => answerDhcp(model, message, { address, httpPort: 80, image: 'dom0-1', port, lending: { leases: book, nowMs: clock.now() } });
      for (const model of [server, proxy]) for (const port of ['dhcp', 'pxe'] as const) answered(decide(model, port), message);
      answered(decide(lender, 'pxe'), message);
      return settle(decide(lender, 'dhcp'), () => decide(lender, 'dhcp')).then((answer) => answered(answer, message));
    },
  };
}

/** Each ends a transfer by the rules; any other reason is an exception's message. */
const FAILURES = /^the client (went silent|ended it|began anew|was silent for longest)/;

/** Requests to the listening port and packets to the ports of transfers. Files come, and between two packets ten milliseconds pass. */
export function tftp(): Protocol {
  const files = ['undionly.kpxe', 'ipxe.efi', 'snponly.efi'];
  const transfers: { readonly ends: ChannelEnds; heard: number }[] = [];
  const clock = new HandClock();
  const exceptions: string[] = [];
  const reached = { 'transfers begun': 0, 'packets to transfers': 0, 'files sent': 0, 'transfers ended by their client': 0, 'transfers given up': 0, 'requests that wait': 0 };
  let opened = 0;
  const sessions = new TftpSessions(
    {
      files: () => ({ folder: '/images', names: files }),
      limits: { largestBlock: 1468, largestWindow: 16 },
      concurrency: 2,
      clock,
      onLoad: ({ waiting }) => (reached['requests that wait'] += waiting > 0 ? 1 : 0),
      onEvent: ({ outcome }) => {
        if (outcome.kind === 'sent') reached['files sent'] += 1;
        if (outcome.kind === 'only-asked') reached['transfers ended by their client'] += 1;
        if (outcome.kind !== 'failed') return;
        reached['transfers given up'] += 1;
        if (!FAILURES.test(outcome.reason)) exceptions.push(outcome.reason);
      },
    },
    {
      reply: () => undefined,
      open: (_peer, ends) => {
        reached['transfers begun'] += 1;
        const transfer = { ends, heard: 0 };
        transfers.push(transfer);
        const send = ([header]: readonly Buffer[]) => {
          const packet = header && decodeTftp(header);
          if (packet?.kind === 'data') transfer.heard = packet.block;
        };
        return Promise.resolve({ send, close: () => void transfers.splice(transfers.indexOf(transfer), 1), closed: Promise.resolve() });
      },
    },
    () => {
      opened += 1;
      return Promise.resolve(Buffer.alloc(10_000));
    },
  );
  const options = new Map([['blksize', '1432'], ['tsize', '0'], ['windowsize', '8'], ['timeout', '3']]);
  let count = 0;
  return {
    reached,
    exceptions,
    seeds: [
      ...files.map((file) => encodeTftp({ kind: 'read', file: `52-54-00-aa-00-01/${file}`, mode: 'octet', options })),
      encodeTftp({ kind: 'read', file: '..\\..\\etc/passwd', mode: 'netascii', options: new Map() }),
      encodeTftp({ kind: 'write', file: 'ipxe.efi', mode: 'octet', options }),
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 65535].map((block) => encodeTftp({ kind: 'acknowledgement', block })),
      encodeTftp({ kind: 'data', block: 1, data: Buffer.alloc(512) }),
      encodeTftp({ kind: 'error', code: 8, message: 'User aborted the transfer' }),
      encodeTftp({ kind: 'options', options }),
    ],
    take: (packet) => {
      count += 1;
      const before = opened;
      clock.advance(10);
      sessions.receive(packet, { address: `10.77.${count % 16}.1`, port: 1024 + (count % 4096) });
      const damaged = transfers[count % transfers.length];
      if (damaged) reached['packets to transfers'] += 1;
      damaged?.ends.receive(packet);
      // Others go on meanwhile, so that damage meets them at every stage.
      const whole = count % 4 === 0 ? transfers[(count >> 2) % transfers.length] : undefined;
      if (whole) whole.ends.receive(encodeTftp({ kind: 'acknowledgement', block: whole.heard }));
      // The file is read and the channel opened in promises: the packets after this one come to a transfer that has started.
      return opened > before ? nextTurn() : undefined;
    },
  };
}

/** From the datagram to the reply's bytes, to the question for a forwarder, and from a forwarder's answer to what is passed on. */
export function dns(): Protocol {
  const model = pool();
  const clock = new HandClock();
  const verdict = createAnswerLimiter(clock);
  const asked = { name: 'www.example.org', type: 'A' };
  const id = 4711;
  const reached = { answered: 0, 'asked a forwarder': 0, 'passed on': 0, 'kept short': 0 };
  return {
    reached,
    seeds: [...dnsSeeds(), ...forwardersSeeds(asked.name, id)],
    take: (packet) => {
      clock.advance(1);
      if (answersForwarded(packet, id, asked)) reached['passed on'] += 1;
      const query = readQuery(packet);
      if (!query) return undefined;
      if (verdict('10.77.0.11') !== 'answer') {
        reached['kept short'] += 1;
        truncatedReply(query);
        return undefined;
      }
      const answer = answerDns(model, query.question, '10.77.0.1');
      if (answer.code === 'REFUSED' && encodeForwarded(query, id)) reached['asked a forwarder'] += 1;
      if (encodeReply(query, answer, true)) reached.answered += 1;
      return undefined;
    },
  };
}
