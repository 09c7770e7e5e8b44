import dgram from 'node:dgram';
import net from 'node:net';
import dns from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import { replyToDns, startDnsServer } from '../../src/backend/netboot/dns/server';
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
  ])('%s %s: %s %j', (name, type, code, data) => {
    const answer = answerDns(pool(), { name, type }, '10.77.0.1');
    expect([answer.code, answer.answers.map((record) => record.data)]).toEqual([code, data]);
  });

  it('nothing found comes with the SOA that lets it be remembered', () => {
    for (const name of ['node9.test.internal', 'node1.test.internal']) {
      expect(answerDns(pool(), { name, type: 'AAAA' }, '10.77.0.1').authorities).toMatchObject([{ type: 'SOA', name: 'test.internal' }]);
    }
  });
});

async function start() {
  const troubles: string[] = [];
  const server = await startDnsServer({ bindAddress: '127.0.0.1', port: 0, answer: (question) => answerDns(pool(), question, '10.77.0.1'), onAnswer: () => undefined, onTrouble: (sentence) => void troubles.push(sentence) });
  onTestFinished(() => server.close());
  return { server, troubles };
}

const query = (name: string, type: dns.RecordType = 'A') => dns.encode({ type: 'query', id: 7, flags: dns.RECURSION_DESIRED, questions: [{ type, name }] });

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
