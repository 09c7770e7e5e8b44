/** Packets that were damaged on their way, or made to harm: by the ten thousand, always the same ones. */

import vm from 'node:vm';
import v8 from 'node:v8';
import { answerDhcp } from '../../src/backend/netboot/answers/dhcp';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import type { Leases } from '../../src/backend/netboot/answers/leases';
import { decodeDhcp, encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { OPTION, uint16Of } from '../../src/backend/netboot/dhcp/options';
import { encodeReply, readQuery } from '../../src/backend/netboot/dns/reply';
import { decodeTftp, encodeTftp } from '../../src/backend/netboot/tftp/codec';
import { TftpSessions } from '../../src/backend/netboot/tftp/sessions';
import type { ChannelEnds } from '../../src/backend/netboot/tftp/wire';
import { CLIENTS, pool, request } from './clients';
import { dnsSeeds } from './dnsSeeds';

/** A protocol as far as one datagram goes: whole ones to start from, and what takes a damaged one. */
export interface Protocol {
  readonly seeds: readonly Buffer[];
  /** Must bear anything. */
  readonly take: (packet: Buffer) => void;
}

export interface Damage {
  readonly packets: number;
  /** The slowest packet, hiccups of the machine left out, milliseconds. */
  readonly slowestMs: number;
  readonly slowest: Buffer;
  /** Growth of the heap between the first tenth and the end, bytes. */
  readonly growth: number;
}

/** A packet is timed again when it was slow: only what is slow each time is the packet's own doing. */
const HICCUP_MS = 1;
const RETRIES = 5;

export function damage({ seeds, take }: Protocol, packets: number): Damage {
  const random = numbers(20_261_123);
  let slowestMs = 0;
  let slowest: Buffer = Buffer.alloc(0);
  let before = 0;
  for (let count = 0; count < packets; count += 1) {
    if (count === Math.floor(packets / 10)) before = heapAfterCollection();
    const packet = mutated(seeds, random);
    let ms = timed(take, packet);
    for (let retry = 0; ms > HICCUP_MS && retry < RETRIES; retry += 1) ms = Math.min(ms, timed(take, packet));
    if (ms > slowestMs) [slowestMs, slowest] = [ms, packet];
  }
  return { packets, slowestMs, slowest, growth: heapAfterCollection() - before };
}

function timed(take: (packet: Buffer) => void, packet: Buffer): number {
  const start = performance.now();
  take(packet);
  return performance.now() - start;
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

const NOTHING_LENT: Leases = { ofMac: () => undefined, ofAddress: () => undefined };

/** From the datagram to the reply's bytes, as server of the network and as proxy, on both ports. */
export function dhcp(): Protocol {
  const [server, proxy] = [pool('authoritative'), pool('proxy')];
  const range = { from: '10.77.0.100', to: '10.77.0.200', leaseMs: 3_600_000 };
  const lender = { ...server, cluster: { ...server.cluster, network: { ...server.cluster.network, range } } };
  const types = ['discover', 'request', 'inform', 'decline', 'release'] as const;
  return {
    seeds: types.flatMap((type) => Object.values(CLIENTS).map((options) => encodeDhcp(request({ type, options }), 1500).bytes)),
    take: (packet) => {
      const decoded = decodeDhcp(packet);
      if ('problem' in decoded) return;
      for (const model of [server, proxy, lender]) {
        for (const port of ['dhcp', 'pxe'] as const) {
          const answer = answerDhcp(model, decoded.message, { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port, lending: { leases: NOTHING_LENT, nowMs: 0 } });
          if (answer.kind === 'reply') encodeDhcp(answer.message, uint16Of(decoded.message.options, OPTION.maximumMessageSize));
        }
      }
    },
  };
}

/** Requests to the listening port and packets to the ports of transfers; files come, time doesn't. */
export function tftp(): Protocol {
  const files = ['undionly.kpxe', 'ipxe.efi', 'snponly.efi'];
  const transfers: ChannelEnds[] = [];
  const clock = { now: () => 0, after: () => () => undefined };
  const closed = Promise.resolve();
  const sessions = new TftpSessions(
    { files: () => ({ folder: '/images', names: files }), limits: { largestBlock: 1468, largestWindow: 16 }, concurrency: 64, clock, onEvent: () => undefined, onLoad: () => undefined },
    {
      reply: () => undefined,
      open: (_peer, ends) => {
        transfers.push(ends);
        if (transfers.length > 64) transfers.shift();
        return Promise.resolve({ send: () => undefined, close: () => undefined, closed });
      },
    },
    () => Promise.resolve(Buffer.alloc(10_000)),
  );
  const options = new Map([['blksize', '1432'], ['tsize', '0'], ['windowsize', '8'], ['timeout', '3']]);
  let count = 0;
  return {
    seeds: [
      ...files.map((file) => encodeTftp({ kind: 'read', file: `52-54-00-aa-00-01/${file}`, mode: 'octet', options })),
      encodeTftp({ kind: 'read', file: '..\\..\\etc/passwd', mode: 'netascii', options: new Map() }),
      encodeTftp({ kind: 'write', file: 'ipxe.efi', mode: 'octet', options }),
      ...[0, 1, 2, 65535].map((block) => encodeTftp({ kind: 'acknowledgement', block })),
      encodeTftp({ kind: 'data', block: 1, data: Buffer.alloc(512) }),
      encodeTftp({ kind: 'error', code: 8, message: 'User aborted the transfer' }),
      encodeTftp({ kind: 'options', options }),
    ],
    take: (packet) => {
      count += 1;
      decodeTftp(packet);
      sessions.receive(packet, { address: `10.77.${count % 16}.1`, port: 1024 + (count % 4096) });
      transfers[count % 64]?.receive(packet);
    },
  };
}

/** From the datagram to the reply's bytes. */
export function dns(): Protocol {
  const model = pool();
  return {
    seeds: dnsSeeds(),
    take: (packet) => {
      const query = readQuery(packet);
      if (query) encodeReply(query, answerDns(model, query.question, '10.77.0.1'), true);
    },
  };
}
