import dgram from 'node:dgram';
import net from 'node:net';
import dns from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolModel } from '../../src/backend/drive/model';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import { createAnswerLimiter } from '../../src/backend/netboot/dns/limits';
import { replyToDns } from '../../src/backend/netboot/dns/reply';
import { startDnsServer, type DnsExchange, type DnsOutcome, type DnsServerOptions } from '../../src/backend/netboot/dns/server';
import { formatIpv4, inSubnet, parseIpv4, parseSubnet } from '../../src/backend/netboot/ipv4';
import { systemClock, systemRandom } from '../../src/backend/system';
import { aHost } from '../pool/models';
import { pool } from './clients';

describe('what is answered', () => {
  it.each([
    ['node1.test.internal', 'A', 'NOERROR', ['10.77.0.11']],
    ['NODE2.Test.Internal.', 'A', 'NOERROR', ['10.77.0.12']],
    ['pxen.test.internal', 'A', 'NOERROR', ['10.77.0.1']],
    ['node1.test.internal', 'AAAA', 'NOERROR', []],
    ['node9.test.internal', 'A', 'NXDOMAIN', []],
    ['a.node1.test.internal', 'A', 'NXDOMAIN', []],
    ['11.0.77.10.in-addr.arpa', 'PTR', 'NOERROR', ['node1.test.internal']],
    ['1.0.77.10.in-addr.arpa', 'PTR', 'NOERROR', ['pxen.test.internal']],
    ['99.0.77.10.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    ['8.8.8.8.in-addr.arpa', 'PTR', 'REFUSED', []],
    ['example.org', 'A', 'REFUSED', []],
    ['xtest.internal', 'A', 'REFUSED', []],
    ['test.internal', 'NS', 'NOERROR', ['pxen.test.internal']],
    ['node1.test.internal', 'ANY', 'NOERROR', ['10.77.0.11']],
    ['example.org', 'ANY', 'REFUSED', []],
    ['test.internal', 'AXFR', 'REFUSED', []],
    ['0.77.10.in-addr.arpa', 'IXFR', 'REFUSED', []],
  ])('%s %s: %s %j', (name, type, code, data) => {
    const answer = answerDns(pool(), { name, type }, '10.77.0.1');
    expect([answer.code, answer.answers.map((record) => record.data)]).toEqual([code, data]);
  });

  it.each([
    ['node9.test.internal', 'AAAA', 'NXDOMAIN', 'test.internal'],
    ['node1.test.internal', 'AAAA', 'NOERROR', 'test.internal'],
    ['99.0.77.10.in-addr.arpa', 'PTR', 'NXDOMAIN', '0.77.10.in-addr.arpa'],
    ['11.0.77.10.IN-ADDR.ARPA', 'A', 'NOERROR', '0.77.10.in-addr.arpa'],
    ['0.77.10.in-addr.arpa', 'PTR', 'NOERROR', '0.77.10.in-addr.arpa'],
  ])('%s %s, of which there is nothing, is %s with the SOA of %s, that lets it be remembered', (name, type, code, zone) => {
    expect(answerDns(pool(), { name, type }, '10.77.0.1')).toMatchObject({ code, answers: [], authorities: [{ type: 'SOA', name: zone }] });
  });
});

/** node1 at `address`, in this subnet; the boot server at its first address. */
function poolIn(subnet: string, address: string): { readonly model: PoolModel; readonly server: string } {
  const model = pool('authoritative', [{ ...aHost('node1'), address }]);
  const server = formatIpv4((parseIpv4(parseSubnet(subnet).network) ?? 0) + 1);
  return { model: { ...model, cluster: { ...model.cluster, network: { ...model.cluster.network, subnet, server } } }, server };
}

const reverseOf = (dotted: string) => `${dotted.split('.').reverse().join('.')}.in-addr.arpa`;

describe('reverse zones', () => {
  const zone = (name: string) => expect.objectContaining({ name, type: 'SOA' }) as unknown;
  it.each([
    // The subnet, a host's address, what is asked; then the code, what is answered, and the zone of the negative answer.
    ['10.0.0.0/8', '10.77.0.11', '10', 'SOA', 'NOERROR', [zone('10.in-addr.arpa')], []],
    ['10.77.0.0/16', '10.77.3.11', '10.77', 'SOA', 'NOERROR', [zone('77.10.in-addr.arpa')], []],
    ['10.77.0.0/16', '10.77.3.11', '10.77', 'NS', 'NOERROR', [{ name: '77.10.in-addr.arpa', type: 'NS', data: 'pxen.test.internal' }], []],
    ['10.77.0.0/16', '10.77.3.11', '10', 'SOA', 'REFUSED', [], []],
    ['10.77.0.0/16', '10.77.3.11', '10.77.3.11', 'PTR', 'NOERROR', [{ name: '11.3.77.10.in-addr.arpa', type: 'PTR', data: 'node1.test.internal' }], []],
    ['10.77.0.0/16', '10.77.3.11', '10.77.3.12', 'PTR', 'NXDOMAIN', [], [zone('77.10.in-addr.arpa')]],
    // Between the zone and an address that has a name; and where none has.
    ['10.77.0.0/16', '10.77.3.11', '10.77.3', 'PTR', 'NOERROR', [], [zone('77.10.in-addr.arpa')]],
    ['10.77.0.0/16', '10.77.33.11', '10.77.3', 'PTR', 'NXDOMAIN', [], [zone('77.10.in-addr.arpa')]],
    ['10.77.16.0/20', '10.77.31.11', '10.77.31', 'SOA', 'NOERROR', [zone('31.77.10.in-addr.arpa')], []],
    ['10.77.16.0/20', '10.77.31.11', '10.77.20.5', 'PTR', 'NXDOMAIN', [], [zone('20.77.10.in-addr.arpa')]],
    ['10.77.16.0/20', '10.77.31.11', '10.77.32', 'SOA', 'REFUSED', [], []],
    ['10.77.16.0/20', '10.77.31.11', '10.77', 'SOA', 'REFUSED', [], []],
    ['10.77.0.0/24', '10.77.0.11', '10.77.0.011', 'PTR', 'NXDOMAIN', [], [zone('0.77.10.in-addr.arpa')]],
    ['10.77.0.0/24', '10.77.0.11', '10.77.00.11', 'PTR', 'REFUSED', [], []],
    // Of the /24 that a smaller subnet lies in, only its own addresses, each a zone.
    ['10.77.0.64/26', '10.77.0.70', '10.77.0.70', 'PTR', 'NOERROR', [{ name: '70.0.77.10.in-addr.arpa', type: 'PTR', data: 'node1.test.internal' }], []],
    ['10.77.0.64/26', '10.77.0.70', '10.77.0.70', 'SOA', 'NOERROR', [zone('70.0.77.10.in-addr.arpa')], []],
    ['10.77.0.64/26', '10.77.0.70', '10.77.0.71', 'PTR', 'NOERROR', [], [zone('71.0.77.10.in-addr.arpa')]],
    ['10.77.0.64/26', '10.77.0.70', '10.77.0.70.1', 'PTR', 'NXDOMAIN', [], [zone('70.0.77.10.in-addr.arpa')]],
    ['10.77.0.64/26', '10.77.0.70', '10.77.0.128', 'PTR', 'REFUSED', [], []],
    ['10.77.0.64/26', '10.77.0.70', '10.77.0', 'SOA', 'REFUSED', [], []],
  ])('%s with a host at %s: %s %s is %s', (subnet, address, asked, type, code, answers, authorities) => {
    const { model, server } = poolIn(subnet, address);
    expect(answerDns(model, { name: reverseOf(asked), type }, server)).toEqual({ code, answers, authorities });
  });

  it('and the pool’s own: whatever is negative has one SOA, of a zone that has it, at the name or above it; all else is outside', () => {
    const anyPool = fc.record({ prefixLength: fc.integer({ min: 8, max: 30 }), base: fc.nat(0xffffffff), host: fc.nat() }).map(({ prefixLength, base, host }) => {
      const subnet = parseSubnet(`${formatIpv4(base)}/${prefixLength}`);
      const inside = (number: number) => formatIpv4(((parseIpv4(subnet.network) ?? 0) + (number % 2 ** (32 - prefixLength))) >>> 0);
      return { subnet, inside, ...poolIn(`${subnet.network}/${prefixLength}`, inside(host)) };
    });
    // Near the subnet, by taking octets away, adding some, or changing one.
    const change = fc.record({ address: fc.nat(), isHost: fc.boolean(), cut: fc.nat(4), more: fc.array(fc.constantFrom('0', '7', '011', 'x')), at: fc.nat(3), octet: fc.option(fc.constantFrom('0', '00', '11', '255', '256', 'a')) });
    const type = fc.constantFrom('PTR', 'A', 'AAAA', 'SOA', 'NS', 'ANY', 'TXT');
    const label = fc.constantFrom('', 'node1.', 'node2.', 'pxen.', 'a.node1.');
    fc.assert(fc.property(anyPool, change, type, fc.option(label), ({ subnet, inside, model, server }, { address, isHost, cut, more, at, octet }, asked, own) => {
      const octets = (isHost ? (model.hosts[0]?.address ?? '') : inside(address)).split('.');
      if (octet !== null) octets[at] = octet;
      const dotted = [...octets.slice(0, 4 - cut), ...more].join('.');
      const name = own === null ? reverseOf(dotted) : `${own}test.internal`;
      const answer = answerDns(model, { name, type: asked }, server);
      const isOutside = own === null && parseIpv4(dotted) !== undefined && !inSubnet(formatIpv4(parseIpv4(dotted) ?? 0), subnet);
      if (isOutside) expect(answer.code).toBe('REFUSED');
      if (answer.code === 'REFUSED' || answer.answers.length > 0) {
        expect(answer.authorities).toEqual([]);
        return;
      }
      const [authority, ...others] = answer.authorities;
      expect([authority?.type, others]).toEqual(['SOA', []]);
      const owner = authority?.name ?? '';
      expect(`.${name}`.endsWith(`.${owner}`), `${name} below ${owner}`).toBe(true);
      expect(answerDns(model, { name: owner, type: 'SOA' }, server).answers).toEqual([authority]);
    }), { numRuns: 20_000 });
  });
});

async function start(overrides: Partial<DnsServerOptions> = {}) {
  const troubles: string[] = [];
  const outcomes: DnsOutcome['code'][] = [];
  const exchanges: DnsExchange[] = [];
  const server = await startDnsServer({
    bindAddress: '127.0.0.1',
    port: 0,
    answer: (question) => answerDns(pool(), question, '10.77.0.1'),
    isLocal: () => true,
    forwarders: () => [],
    forwarderPort: 53,
    onAnswer: (exchange) => {
      exchanges.push(exchange);
      outcomes.push(exchange.outcome.code);
    },
    onTrouble: (sentence) => void troubles.push(sentence),
    clock: systemClock,
    random: systemRandom,
    ...overrides,
  });
  onTestFinished(() => server.close());
  return { server, troubles, outcomes, exchanges };
}

const query = (name: string, type: dns.RecordType = 'A', additionals: dns.Answer[] = []) => dns.encode({ type: 'query', id: 7, flags: dns.RECURSION_DESIRED, questions: [{ type, name }], additionals });
const edns = (udpPayloadSize: number) => [{ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [] } as unknown as dns.Answer];

async function overUdp(port: number, ...packets: readonly Buffer[]): Promise<dns.DecodedPacket> {
  const socket = dgram.createSocket('udp4');
  onTestFinished(() => void socket.close());
  for (const packet of packets) socket.send(packet, port, '127.0.0.1');
  return new Promise((resolve) => socket.once('message', (bytes) => resolve(dns.decode(bytes))));
}

describe('packets made to harm', () => {
  it('get a short answer or none, and raise no exception', () => {
    const whole = query('node1.test.internal');
    const mutated = fc.tuple(fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 }), fc.nat(60)).map(([changes, cut]) => {
      const copy = Buffer.from(whole);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, copy.length - Math.max(0, cut - 40));
    });
    fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 512 }).map((bytes) => Buffer.from(bytes))), (packet) => {
      const reply = replyToDns(packet, (question) => answerDns(pool(), question, '10.77.0.1'));
      // Nobody can use us to send much to somebody else.
      expect(reply?.bytes.length ?? 0).toBeLessThanOrEqual(packet.length * 3 + 200);
    }), { numRuns: 20_000 });
  });
});

describe('over the network', () => {
  it('UDP: the answer keeps id and question and is authoritative', async () => {
    const { server } = await start();
    expect(await overUdp(server.port, query('node1.test.internal'))).toMatchObject({ id: 7, type: 'response', rcode: 'NOERROR', flag_aa: true, flag_ra: false, answers: [{ type: 'A', data: '10.77.0.11', ttl: 30 }] });
  });

  it('TCP: two questions on one connection, one of them in pieces', async () => {
    const { server } = await start();
    const client = net.connect(server.port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    const [one, two] = [query('node1.test.internal'), query('node2.test.internal')].map((packet) => Buffer.concat([Buffer.of(packet.length >> 8, packet.length & 255), packet]));
    client.write(Buffer.concat([one!, two!.subarray(0, 5)]));
    let received = Buffer.alloc(0);
    const answers: unknown[] = [];
    await new Promise<void>((resolve) =>
      client.on('data', (part) => {
        received = Buffer.concat([received, part]);
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
          const end = 2 + received.readUInt16BE(0);
          answers.push((dns.decode(received.subarray(2, end)).answers?.[0] as { data: string }).data);
          received = received.subarray(end);
          if (answers.length === 1) client.write(two!.subarray(5));
          else resolve();
        }
      }),
    );
    expect(answers).toEqual(['10.77.0.11', '10.77.0.12']);
  });

  it('a response is never answered, nor noise; the next question is', async () => {
    const { server } = await start();
    // As many as a socket's buffer holds at once.
    const noise = fc.sample(fc.uint8Array({ maxLength: 11 }), { numRuns: 50, seed: 1 }).map((bytes) => Buffer.from(bytes));
    const response = dns.encode({ type: 'response', id: 7, questions: [{ type: 'A', name: 'node1.test.internal' }] });
    expect(await overUdp(server.port, response, ...noise, query('node2.test.internal'))).toMatchObject({ answers: [{ data: '10.77.0.12' }] });
  });
});

/** A name server that answers every question as told, over UDP and TCP on one port; it keeps what it was asked. */
async function upstream(answer: (question: dns.DecodedPacket, send: (packet: dns.Packet) => void, port: number) => void) {
  const asked: { readonly id: number; readonly port: number; readonly name: string }[] = [];
  const udp = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const { port } = udp.address();
  const take = (bytes: Buffer, from: number, send: (bytes: Buffer) => void) => {
    const packet = dns.decode(bytes);
    asked.push({ id: packet.id ?? 0, port: from, name: packet.questions?.[0]?.name ?? '' });
    answer(packet, (reply) => send(dns.encode(reply)), from);
  };
  udp.on('message', (bytes, from) => take(bytes, from.port, (reply) => udp.send(reply, from.port, from.address)));
  const tcp = net.createServer((client) => {
    client.on('error', () => client.destroy());
    client.on('data', (bytes) => take(bytes.subarray(2), client.remotePort ?? 0, (reply) => client.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]))));
  });
  await new Promise<void>((resolve) => tcp.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    udp.close();
    tcp.close();
  });
  return { port, asked };
}

const records = (question: dns.DecodedPacket, count: number): dns.Packet => ({
  type: 'response',
  id: question.id ?? 0,
  flags: dns.RECURSION_AVAILABLE,
  questions: question.questions ?? [],
  answers: Array.from({ length: count }, (_, index): dns.Answer => ({ type: 'A', name: 'example.org', ttl: 60, data: `192.0.2.${index + 1}` })),
});

async function overTcp(port: number, packet: Buffer): Promise<dns.DecodedPacket> {
  const client = net.connect(port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  client.write(Buffer.concat([Buffer.of(packet.length >> 8, packet.length & 255), packet]));
  let received = Buffer.alloc(0);
  for await (const part of client as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, part]);
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) return dns.decode(received.subarray(2));
  }
  throw new Error('the connection ended without an answer');
}

describe('names outside the pool', () => {
  it('are refused where no forwarder is named', async () => {
    const { server, exchanges } = await start();
    expect(await overUdp(server.port, query('example.org'))).toMatchObject({ rcode: 'REFUSED', flag_ra: false });
    expect(exchanges).toEqual([{ asker: '127.0.0.1', question: { name: 'example.org', type: 'A' }, outcome: { code: 'REFUSED', because: 'not-ours' } }]);
  });

  it('are asked of the forwarder, with an id and a port of chance, and come back under the asker’s id', async () => {
    const other = await upstream((question, send) => send(records(question, 1)));
    const { server, outcomes } = await start({ forwarders: () => ['127.0.0.1'], forwarderPort: other.port });
    for (let time = 0; time < 4; time += 1) {
      expect(await overUdp(server.port, query('example.org'))).toMatchObject({ id: 7, rcode: 'NOERROR', flag_ra: true, answers: [{ data: '192.0.2.1' }] });
    }
    expect(new Set(other.asked.map(({ id }) => id)).size).toBeGreaterThan(2);
    expect(new Set(other.asked.map(({ port }) => port)).size).toBeGreaterThan(2);
    expect(outcomes).toEqual(['FORWARDED', 'FORWARDED', 'FORWARDED', 'FORWARDED']);
  });

  it('are never asked for by those who aren’t on the pool’s network, nor are its own told to them', async () => {
    const other = await upstream((question, send) => send(records(question, 1)));
    const { server, exchanges } = await start({ isLocal: () => false, forwarders: () => ['127.0.0.1'], forwarderPort: other.port });
    for (const name of ['example.org', 'node1.test.internal']) expect(await overUdp(server.port, query(name))).toMatchObject({ rcode: 'REFUSED', flag_ra: false, answers: [] });
    expect(other.asked).toEqual([]);
    expect(exchanges.map(({ outcome }) => outcome)).toEqual([{ code: 'REFUSED', because: 'not-local' }, { code: 'REFUSED', because: 'not-local' }]);
  });

  it('take no answer to another question or under another id', async () => {
    const other = await upstream((question, send) => {
      send({ ...records(question, 1), id: ((question.id ?? 0) + 1) & 0xffff });
      send({ ...records(question, 2), questions: [{ type: 'A', name: 'evil.example' }] });
      send(records(question, 3));
    });
    const { server } = await start({ forwarders: () => ['127.0.0.1'], forwarderPort: other.port });
    expect((await overUdp(server.port, query('example.org'))).answers).toHaveLength(3);
  });

  it('whose answer is too long are cut off over UDP, and whole over TCP or for who takes more', async () => {
    const other = await upstream((question, send) => send(records(question, 40)));
    const { server, exchanges } = await start({ forwarders: () => ['127.0.0.1'], forwarderPort: other.port });
    expect(await overUdp(server.port, query('example.org'))).toMatchObject({ flag_tc: true, answers: [] });
    expect((await overUdp(server.port, query('example.org', 'A', edns(4096)))).answers).toHaveLength(40);
    expect((await overTcp(server.port, query('example.org'))).answers).toHaveLength(40);
    expect(exchanges.map(({ outcome }) => outcome)).toEqual([{ code: 'TRUNCATED', because: 'too-long' }, { code: 'FORWARDED' }, { code: 'FORWARDED' }]);
  });

  it('fail when no forwarder answers, in words, and meanwhile the pool’s own are answered', async () => {
    const [silent] = [await upstream(() => undefined)];
    const timers: (() => void)[] = [];
    const clock = { now: () => 0, after: (_delayMs: number, run: () => void) => (timers.push(run), () => undefined) };
    const { server, troubles, exchanges } = await start({ forwarders: () => ['127.0.0.1'], forwarderPort: silent.port, clock });
    const failed = overUdp(server.port, query('example.org'));
    expect(await overUdp(server.port, query('node2.test.internal'))).toMatchObject({ answers: [{ data: '10.77.0.12' }] });
    while (silent.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const run of timers) run();
    expect(await failed).toMatchObject({ id: 7, rcode: 'SERVFAIL' });
    expect(troubles).toEqual(['The name server 127.0.0.1 (network.forwarders in pxen.yaml) doesn\'t answer: nothing came within 1500 ms.']);
    expect(exchanges.map(({ outcome }) => outcome)).toMatchObject([{ code: 'NOERROR', answers: [{ data: '10.77.0.12' }] }, { code: 'SERVFAIL', because: 'silent' }]);
  });

  it('aren’t forwarded when all are asked for, nor for who would ask others itself', async () => {
    const other = await upstream((question, send) => send(records(question, 1)));
    const { server, exchanges } = await start({ forwarders: () => ['127.0.0.1'], forwarderPort: other.port });
    const notRecursive = dns.encode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'example.org' }] });
    for (const packet of [query('example.org', 'ANY' as dns.RecordType), query('example.org', 'AXFR'), notRecursive]) expect(await overUdp(server.port, packet)).toMatchObject({ rcode: 'REFUSED' });
    expect([other.asked, exchanges.map(({ outcome }) => outcome)]).toEqual([[], Array.from({ length: 3 }, () => ({ code: 'REFUSED', because: 'not-forwarded' }))]);
  });

  it('of which one asker has too many under way fail at once', async () => {
    const silent = await upstream(() => undefined);
    const { server, exchanges } = await start({ forwarders: () => ['127.0.0.1'], forwarderPort: silent.port });
    expect(await overUdp(server.port, ...Array.from({ length: 33 }, () => query('example.org')))).toMatchObject({ rcode: 'SERVFAIL' });
    expect(exchanges).toMatchObject([{ outcome: { code: 'SERVFAIL', because: 'busy' } }]);
  });

  it('go to the second forwarder when the first is dead, and then to that one first', async () => {
    const alive = await upstream((question, send) => send(records(question, 1)));
    // Nobody listens at that port of 127.0.0.2: the kernel says so at once.
    const { server, troubles } = await start({ forwarders: () => ['127.0.0.2', '127.0.0.1'], forwarderPort: alive.port });
    for (let time = 0; time < 3; time += 1) expect((await overUdp(server.port, query('example.org'))).answers).toHaveLength(1);
    expect(troubles).toHaveLength(1);
  });
});

describe('amplification', () => {
  it('one address gets so many answers a second over UDP, then only hints to ask over TCP, then nothing', () => {
    let now = 0;
    const verdict = createAnswerLimiter({ now: () => now, after: () => () => undefined });
    const first = Array.from({ length: 400 }, () => verdict('10.77.0.66'));
    expect(first.filter((one) => one === 'answer')).toHaveLength(300);
    expect(first.slice(300, 304)).toEqual(['truncate', 'drop', 'truncate', 'drop']);
    expect(verdict('10.77.0.67')).toBe('answer');
    now = 500;
    expect(Array.from({ length: 60 }, () => verdict('10.77.0.66')).filter((one) => one === 'answer')).toHaveLength(50);
  });

  it('a flood from one address is answered less than it asks, and TCP all the same', async () => {
    const { server, outcomes, exchanges } = await start({ clock: { now: () => 0, after: () => () => undefined } });
    const socket = dgram.createSocket('udp4');
    onTestFinished(() => void socket.close());
    // In portions that a socket's buffer holds.
    for (let sent = 0; sent < 400; sent += 20) {
      for (let one = 0; one < 20; one += 1) socket.send(query('node1.test.internal'), server.port, '127.0.0.1');
      while (outcomes.length < sent + 20) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(outcomes.filter((outcome) => outcome === 'NOERROR')).toHaveLength(300);
    expect(outcomes.filter((outcome) => outcome === 'DROPPED')).toHaveLength(50);
    expect(exchanges.slice(300, 302).map(({ outcome }) => outcome)).toEqual([{ code: 'TRUNCATED', because: 'too-often' }, { code: 'DROPPED', because: 'too-often' }]);
    expect((await overTcp(server.port, query('node1.test.internal'))).answers).toHaveLength(1);
  });

  it('who speaks EDNS is answered so; a class or operation of no use here gets nothing', () => {
    const decide = (question: { name: string; type: string }) => answerDns(pool(), question, '10.77.0.1');
    expect(dns.decode(replyToDns(query('node1.test.internal', 'A', edns(4096)), decide)?.bytes ?? Buffer.alloc(0)).additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
    const chaos = dns.encode({ type: 'query', id: 7, questions: [{ type: 'TXT', class: 'CH', name: 'version.bind' }] });
    expect(replyToDns(chaos, decide)).toBeUndefined();
    const notify = query('test.internal', 'SOA');
    notify[2] = 4 << 3;
    expect(replyToDns(notify, decide)).toBeUndefined();
  });

  it('one address holds only a few connections', async () => {
    const { server, troubles } = await start();
    const clients = Array.from({ length: 12 }, () => net.connect(server.port, '127.0.0.1'));
    onTestFinished(() => clients.forEach((client) => client.destroy()));
    let ended = 0;
    await new Promise<void>((resolve) => clients.forEach((client) => client.on('error', () => undefined).on('close', () => (ended += 1) === 4 && resolve())));
    expect(await overUdp(server.port, query('node1.test.internal'))).toMatchObject({ rcode: 'NOERROR' });
    expect(new Set(troubles)).toEqual(new Set(['127.0.0.1 holds 8 DNS connections and gets no more of them']));
  });
});
