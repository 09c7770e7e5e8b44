/** DNS over UDP and TCP (RFC 1035), on dns-packet. Answers only what `answerDns` knows; never more than a small packet. */

import net from 'node:net';
import dns from 'dns-packet';
import { DNS_TTL, type DnsAnswer, type DnsQuestion, type DnsRecord } from '../answers/dns';
import { closeUdp, onDatagram, openTcp, openUdp, portOf } from '../sockets';

export interface DnsServerOptions {
  readonly bindAddress: string;
  /** The same for UDP and TCP. */
  readonly port: number;
  readonly answer: (question: DnsQuestion) => DnsAnswer;
  readonly onAnswer: (question: DnsQuestion, answer: DnsAnswer) => void;
  readonly onTrouble: (sentence: string) => void;
}

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** An idle TCP client is let go after this. */
const TCP_IDLE_MS = 10_000;
const MOST_TCP_CLIENTS = 64;
const FREE_PORT_ATTEMPTS = 5;

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const clients = new Set<net.Socket>();
  const tcp = net.createServer((client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    serveTcp(client, options);
  });
  tcp.maxConnections = MOST_TCP_CLIENTS;
  const { udp, port } = await openBoth(tcp, options);
  tcp.on('error', (error) => options.onTrouble(`DNS over TCP: ${error.message}`));
  onDatagram(udp, (bytes, source) => {
    const reply = answerBytes(bytes, options);
    if (!reply) return;
    udp.send(reply, source.port, source.address, (error) => {
      if (error) options.onTrouble(`a DNS answer couldn't be sent to ${source.address}: ${error.message}`);
    });
  });
  return {
    port,
    close: async () => {
      for (const client of clients) client.destroy();
      await Promise.all([closeUdp(udp), new Promise<void>((resolve) => tcp.close(() => resolve()))]);
    },
  };
}

/** A free port of UDP may be taken on TCP: when any port will do, another one is tried. */
async function openBoth(tcp: net.Server, options: DnsServerOptions) {
  for (let attempt = 1; ; attempt += 1) {
    const udp = await openUdp('DNS', { address: options.bindAddress, port: options.port }, (error) => options.onTrouble(`DNS: ${error.message}`));
    try {
      await openTcp('DNS', tcp, { address: options.bindAddress, port: portOf(udp) });
      return { udp, port: portOf(udp) };
    } catch (error) {
      await closeUdp(udp);
      if (options.port !== 0 || attempt === FREE_PORT_ATTEMPTS) throw error;
    }
  }
}

/** Messages over TCP carry their length in two octets before them (RFC 1035 §4.2.2). */
function serveTcp(client: net.Socket, options: DnsServerOptions): void {
  let received = Buffer.alloc(0);
  client.setTimeout(TCP_IDLE_MS, () => client.destroy());
  // A client that goes away in the middle is no trouble of ours; `close` follows.
  client.on('error', () => client.destroy());
  client.on('data', (part) => {
    received = Buffer.concat([received, part]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const reply = answerBytes(received.subarray(2, end), options);
      received = received.subarray(end);
      if (!reply) {
        client.destroy();
        return;
      }
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      client.write(Buffer.concat([length, reply]));
    }
  });
}

function answerBytes(bytes: Buffer, options: DnsServerOptions): Buffer | undefined {
  const reply = replyToDns(bytes, options.answer);
  if (reply) options.onAnswer(reply.question, reply.answer);
  return reply?.bytes;
}

export interface DnsReply {
  readonly bytes: Buffer;
  readonly question: DnsQuestion;
  readonly answer: DnsAnswer;
}

/** Undefined for what isn't a query: such packets get no answer at all, so that none can be bounced between servers. */
export function replyToDns(bytes: Buffer, decide: (question: DnsQuestion) => DnsAnswer): DnsReply | undefined {
  let query: dns.DecodedPacket;
  try {
    query = dns.decode(bytes);
  } catch {
    return undefined;
  }
  const question = query.questions?.[0];
  if (query.type !== 'query' || !question || query.questions?.length !== 1) return undefined;
  const answer = decide({ name: question.name, type: question.type });
  const recursionDesired = (query.flags ?? 0) & dns.RECURSION_DESIRED;
  const authoritative = answer.code === 'REFUSED' ? 0 : dns.AUTHORITATIVE_ANSWER;
  const reply: dns.Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags: recursionDesired | authoritative | RESPONSE_CODE[answer.code],
    questions: [question],
    answers: answer.answers.map(packetRecord),
    authorities: answer.authorities.map(packetRecord),
  };
  try {
    return { bytes: dns.encode(reply), question, answer };
  } catch {
    // A name or type that can be read but not written is no question that anybody means.
    return undefined;
  }
}

/** RFC 1035 §4.1.1. */
const RESPONSE_CODE = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5 } as const;

function packetRecord(record: DnsRecord): dns.Answer {
  return { ...record, ttl: DNS_TTL } as dns.Answer;
}
