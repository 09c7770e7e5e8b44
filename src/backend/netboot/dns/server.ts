/**
 * DNS over UDP and TCP. The pool's own names are answered at once off the model; questions about other names go to the
 * forwarders, if the drive names some, and never hold up the pool's own.
 */

import net from 'node:net';
import type { Clock, Random } from '../../system';
import { type DnsAnswer, type DnsQuestion, type DnsRecord, ZONE_TRANSFERS } from '../answers/dns';
import type { PortHelper } from '../portHelper/ask';
import { closeUdp, onDatagram, openTcp, openUdp, portOf } from '../sockets';
import { Forwarder } from './forward';
import { createAnswerLimiter } from './limits';
import { encodeReply, readQuery, truncatedReply, type DnsQuery } from './reply';
import { serveTcp } from './tcp';

export interface DnsServerOptions {
  readonly bindAddress: string;
  /** The same for UDP and TCP. */
  readonly port: number;
  readonly portHelper?: PortHelper | undefined;
  readonly answer: (question: DnsQuestion) => DnsAnswer;
  /** Whether the address is on the pool's network: others get nothing but a refusal. */
  readonly isLocal: (address: string) => boolean;
  /** Name servers for everything else; empty: everything else is refused. */
  readonly forwarders: () => readonly string[];
  /** 53, but in tests. */
  readonly forwarderPort: number;
  readonly onAnswer: (exchange: DnsExchange) => void;
  readonly onTrouble: (sentence: string) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** Who asked, what, and what it came to. */
export interface DnsExchange {
  /** IPv4 address, which over UDP may be made up. */
  readonly asker: string;
  readonly question: DnsQuestion;
  readonly outcome: DnsOutcome;
}

/** A response code, `FORWARDED`, or how the answer was kept short; `because` sets apart what has the same code. */
export type DnsOutcome =
  | { readonly code: 'NOERROR' | 'NXDOMAIN'; readonly answers: readonly DnsRecord[] }
  | { readonly code: 'REFUSED'; readonly because: 'not-local' | 'not-ours' | 'not-forwarded' }
  | { readonly code: 'FORWARDED' }
  | { readonly code: 'SERVFAIL'; readonly because: 'busy' | 'silent' }
  | { readonly code: 'TRUNCATED'; readonly because: 'too-often' | 'too-long' }
  | { readonly code: 'DROPPED'; readonly because: 'too-often' };

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Much to send for little asked, or not to be had from a resolver. */
const NEVER_FORWARDED: readonly string[] = ['ANY', ...ZONE_TRANSFERS];
const MOST_TCP_CLIENTS = 64;
const MOST_TCP_CLIENTS_OF_ONE = 8;
const FREE_PORT_ATTEMPTS = 5;

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { onTrouble } = options;
  const clients = new Set<net.Socket>();
  const forwarder = new Forwarder({ ...options, port: options.forwarderPort });
  const resolver = new Resolver(options, forwarder);
  const tcp = net.createServer((client) => {
    const ofOne = [...clients].filter(({ remoteAddress }) => remoteAddress === client.remoteAddress).length;
    if (ofOne >= MOST_TCP_CLIENTS_OF_ONE) {
      onTrouble(`${client.remoteAddress ?? 'A client that has gone'} holds ${MOST_TCP_CLIENTS_OF_ONE} DNS connections and gets no more of them`);
      client.destroy();
      return;
    }
    clients.add(client);
    client.once('close', () => clients.delete(client));
    serveTcp(client, (bytes) => resolver.resolve(bytes, client.remoteAddress ?? '', 'tcp'));
  });
  tcp.maxConnections = MOST_TCP_CLIENTS;
  const { udp, port } = await openBoth(tcp, options);
  tcp.on('error', (error) => onTrouble(`DNS over TCP: ${error.message}`));
  let closing = false;
  onDatagram(udp, (bytes, source) => {
    void resolver.resolve(bytes, source.address, 'udp').then((reply) => {
      if (!reply || closing) return;
      udp.send(reply, source.port, source.address, (error) => {
        if (error) onTrouble(`A DNS answer couldn't be sent to ${source.address}: ${error.message}.`);
      });
    });
  });
  return {
    port,
    close: async () => {
      closing = true;
      forwarder.close();
      for (const client of clients) client.destroy();
      await Promise.all([closeUdp(udp), new Promise<void>((resolve) => tcp.close(() => resolve()))]);
    },
  };
}

class Resolver {
  readonly #options: DnsServerOptions;
  readonly #forwarder: Forwarder;
  readonly #verdict: ReturnType<typeof createAnswerLimiter>;

  constructor(options: DnsServerOptions, forwarder: Forwarder) {
    this.#options = options;
    this.#forwarder = forwarder;
    this.#verdict = createAnswerLimiter(options.clock);
  }

  /** The reply's bytes; undefined: none. Never rejects. */
  async resolve(bytes: Buffer, asker: string, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const query = readQuery(bytes);
    if (!query) return undefined;
    const { question } = query;
    const tell = (outcome: DnsOutcome) => this.#options.onAnswer({ asker, question, outcome });
    // Over TCP the sender is who it says it is.
    const verdict = transport === 'tcp' ? 'answer' : this.#verdict(asker);
    if (verdict !== 'answer') {
      tell({ code: verdict === 'drop' ? 'DROPPED' : 'TRUNCATED', because: 'too-often' });
      return verdict === 'drop' ? undefined : truncatedReply(query);
    }
    if (!this.#options.isLocal(asker)) {
      tell({ code: 'REFUSED', because: 'not-local' });
      return encodeReply(query, REFUSED, false);
    }
    const recursionAvailable = this.#options.forwarders().length > 0;
    const answer = this.#options.answer(question);
    if (answer.code !== 'REFUSED') {
      tell({ code: answer.code, answers: answer.answers });
    } else if (recursionAvailable && query.recursionDesired && !NEVER_FORWARDED.includes(question.type)) {
      return this.#forward(query, asker, transport, tell);
    } else {
      tell({ code: 'REFUSED', because: recursionAvailable ? 'not-forwarded' : 'not-ours' });
    }
    return encodeReply(query, answer, recursionAvailable);
  }

  async #forward(query: DnsQuery, asker: string, transport: 'udp' | 'tcp', tell: (outcome: DnsOutcome) => void): Promise<Buffer | undefined> {
    const forwarded = await this.#forwarder.ask(query, asker, transport);
    if ('failed' in forwarded) {
      tell({ code: 'SERVFAIL', because: forwarded.failed });
      return encodeReply(query, { code: 'SERVFAIL' }, true);
    }
    const tooLong = transport === 'udp' && forwarded.bytes.length > query.largestReply;
    tell(tooLong ? { code: 'TRUNCATED', because: 'too-long' } : { code: 'FORWARDED' });
    return tooLong ? truncatedReply(query) : forwarded.bytes;
  }
}

const REFUSED: DnsAnswer = { code: 'REFUSED', answers: [], authorities: [] };

/** A free port of UDP may be taken on TCP: when any port will do, another one is tried. */
async function openBoth(tcp: net.Server, options: DnsServerOptions) {
  for (let attempt = 1; ; attempt += 1) {
    const udp = await openUdp('DNS', { address: options.bindAddress, port: options.port, helper: options.portHelper }, (error) => options.onTrouble(`DNS: ${error.message}`));
    try {
      await openTcp('DNS', tcp, { address: options.bindAddress, port: portOf(udp), helper: options.portHelper });
      return { udp, port: portOf(udp) };
    } catch (error) {
      await closeUdp(udp);
      if (options.port !== 0 || attempt === FREE_PORT_ATTEMPTS) throw error;
    }
  }
}
