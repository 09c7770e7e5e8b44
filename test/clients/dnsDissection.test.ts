/** tshark reads every kind of DNS reply as it was meant. */

import dns from 'dns-packet';
import { expect, it } from 'vitest';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import { encodeForwarded, encodeReply, readQuery, truncatedReply, type DnsQuery } from '../../src/backend/netboot/dns/reply';
import { pool } from '../netboot/clients';
import { dissected } from './dissect';

const FIELDS = {
  question: 'dns.qry.name',
  type: 'dns.qry.type',
  code: 'dns.flags.rcode',
  authoritative: 'dns.flags.authoritative',
  truncated: 'dns.flags.truncated',
  recursionAvailable: 'dns.flags.recavail',
  answers: 'dns.count.answers',
  authorities: 'dns.count.auth_rr',
  owners: 'dns.resp.name',
  seconds: 'dns.resp.ttl',
  address: 'dns.a',
  pointer: 'dns.ptr.domain_name',
  nameServer: 'dns.ns',
  zoneServer: 'dns.soa.mname',
  zoneMailbox: 'dns.soa.rname',
  serial: 'dns.soa.serial_number',
  refresh: 'dns.soa.refresh_interval',
  retry: 'dns.soa.retry_interval',
  expire: 'dns.soa.expire_limit',
  minimum: 'dns.soa.minimum_ttl',
} as const;
type Reading = Partial<Record<keyof typeof FIELDS, string>>;

const NOTHING: Reading = { code: '0', authoritative: '1', truncated: '0', recursionAvailable: '0', answers: '0', authorities: '0' };
const soa = (owner: string): Reading => ({ owners: owner, seconds: '30', zoneServer: 'pxen.test.internal', zoneMailbox: 'hostmaster.test.internal', serial: '1', refresh: '3600', retry: '600', expire: '86400', minimum: '30' });
const one = (owner: string, reading: Reading): Reading => ({ ...NOTHING, answers: '1', owners: owner, seconds: '30', ...reading });
const negative = (owner: string): Reading => ({ ...NOTHING, authorities: '1', ...soa(owner) });
const NUMBERS: Readonly<Record<string, string>> = { A: '1', NS: '2', SOA: '6', PTR: '12', AAAA: '28', ANY: '255' };

function question(name: string, type: string, id: number, udpPayloadSize?: number): DnsQuery {
  const additionals = udpPayloadSize === undefined ? [] : [{ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [] } as unknown as dns.Answer];
  const query = readQuery(dns.encode({ type: 'query', id, flags: dns.RECURSION_DESIRED, questions: [{ type: type as dns.RecordType, name, class: 'IN' }], additionals }));
  if (!query) throw new Error(`${name} ${type} can't be asked`);
  return query;
}

function some(bytes: Buffer | undefined): Buffer {
  if (!bytes) throw new Error('it was not encoded');
  return bytes;
}

it('what is found, what isn’t there, and what is refused', async () => {
  const zone = '0.77.10.in-addr.arpa';
  const asked: readonly (readonly [string, string, Reading])[] = [
    ['node1.test.internal', 'A', one('node1.test.internal', { address: '10.77.0.11' })],
    ['pxen.test.internal', 'A', one('pxen.test.internal', { address: '10.77.0.1' })],
    [`12.${zone}`, 'PTR', one(`12.${zone}`, { pointer: 'node2.test.internal' })],
    ['node1.test.internal', 'ANY', one('node1.test.internal', { address: '10.77.0.11' })],
    ...['test.internal', zone].flatMap((apex) => [
      [apex, 'SOA', { ...NOTHING, ...soa(apex), answers: '1' }] as const,
      [apex, 'NS', one(apex, { nameServer: 'pxen.test.internal' })] as const,
      [apex, 'A', negative(apex)] as const,
    ]),
    ['node1.test.internal', 'AAAA', negative('test.internal')],
    ['nobody.test.internal', 'A', { ...negative('test.internal'), code: '3' }],
    [`11.${zone}`, 'A', negative(zone)],
    [`99.${zone}`, 'PTR', { ...negative(zone), code: '3' }],
    ['www.example.org', 'A', { ...NOTHING, code: '5', authoritative: '0' }],
    ['8.8.8.8.in-addr.arpa', 'PTR', { ...NOTHING, code: '5', authoritative: '0' }],
  ];
  const replies = asked.map(([name, type], id) => some(encodeReply(question(name, type, id), answerDns(pool(), { name, type }, '10.77.0.1'), false)));
  const lines = await dissected(replies, { from: 53, to: 5354 }, ['dns.flags.response', 'dns.id', ...Object.values(FIELDS)]);
  expect(lines.map(read)).toEqual(asked.map(([name, type, reading], id) => ({ malformed: '', response: '1', id, ...reading, question: name, type: NUMBERS[type] })));
});

it('what was cut off or failed at the forwarders, and who speaks EDNS; and the forwarder’s question', async () => {
  const asked = [question('example.org', 'A', 0), question('example.org', 'A', 1, 4096), question('example.org', 'A', 2), question('node1.test.internal', 'A', 3, 1400)] as const;
  const replies = [truncatedReply(asked[0]), truncatedReply(asked[1]), encodeReply(asked[2], { code: 'SERVFAIL' }, true), encodeReply(asked[3], answerDns(pool(), asked[3].question, '10.77.0.1'), true)].map(some);
  const fields = ['dns.id', 'dns.flags.response', 'dns.flags.truncated', 'dns.flags.rcode', 'dns.flags.recdesired', 'dns.flags.recavail', 'dns.count.answers', 'dns.count.add_rr', 'dns.rr.udp_payload_size', 'dns.resp.z.do', 'dns.a'];
  expect(await dissected(replies, { from: 53, to: 5354 }, fields)).toEqual([
    ['', '0x0000', '1', '1', '0', '1', '0', '0', '0', '', '', ''],
    ['', '0x0001', '1', '1', '0', '1', '0', '0', '1', '1232', '0', ''],
    ['', '0x0002', '1', '0', '2', '1', '1', '0', '0', '', '', ''],
    ['', '0x0003', '1', '0', '0', '1', '1', '1', '1', '1232', '0', '10.77.0.11'],
  ]);
  const questions = [some(encodeForwarded(asked[0], 4)), some(encodeForwarded({ ...asked[1], edns: { dnssecOk: true } }, 5))];
  expect(await dissected(questions, { from: 5354, to: 53 }, fields)).toEqual([
    ['', '0x0004', '0', '0', '', '1', '', '0', '0', '', '', ''],
    ['', '0x0005', '0', '0', '', '1', '', '0', '1', '1232', '1', ''],
  ]);
});

/** The fields that aren't empty, by name. */
function read([malformed = '', response = '', id = '', ...values]: readonly string[]): Readonly<Record<string, unknown>> {
  const reading = Object.keys(FIELDS).flatMap((name, index) => (values[index] === '' ? [] : [[name, values[index]]]));
  return { malformed, response, id: Number(id), ...(Object.fromEntries(reading) as Reading) };
}
