/** DNS queries as resolvers send them, and two that were made to keep a decoder busy; and what forwarders answer. */

import dns, { type Packet, type RecordType } from 'dns-packet';

export function dnsSeeds(): readonly Buffer[] {
  const names = ['node1.test.internal', 'node2', '11.0.77.10.in-addr.arpa', 'test.internal', 'www.example.org', '.'];
  const types: readonly RecordType[] = ['A', 'AAAA', 'PTR', 'SOA', 'SRV', 'TXT'];
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0x8000, options: [] } as unknown as NonNullable<Packet['additionals']>[number];
  const queries = names.flatMap((name) =>
    types.map((type) => dns.encode({ type: 'query', id: 4711, flags: dns.RECURSION_DESIRED, questions: [{ type, name, class: 'IN' }], additionals: type === 'AAAA' ? [opt] : [] })),
  );
  return [...queries, pointerToItself(), pointersInARow()];
}

/** What a forwarder says to a question of ours: an address, that there is none, and that it is a long story. */
export function forwardersSeeds(name: string, id: number): readonly Buffer[] {
  const questions = [{ type: 'A', name, class: 'IN' }] as const;
  const flags = dns.RECURSION_DESIRED | dns.RECURSION_AVAILABLE;
  const addresses = Array.from({ length: 12 }, (_, index) => ({ type: 'A', name, ttl: 60, data: `192.0.2.${index}` }) as const);
  return [
    dns.encode({ type: 'response', id, flags, questions: [...questions], answers: addresses.slice(0, 1) }),
    dns.encode({ type: 'response', id, flags: flags | 3, questions: [...questions] }),
    dns.encode({ type: 'response', id, flags, questions: [...questions], answers: [{ type: 'CNAME', name, ttl: 60, data: 'example.org' }, ...addresses] }),
  ];
}

const HEADER = Buffer.from('126701000001000000000000', 'hex');
const TYPE_A_CLASS_IN = Buffer.of(0, 1, 0, 1);

/** A compressed name whose pointer leads to the pointer (RFC 1035 §4.1.4). */
function pointerToItself(): Buffer {
  return Buffer.concat([HEADER, Buffer.of(0xc0, 12), TYPE_A_CLASS_IN]);
}

/** Each pointer leads to the one before, through as many labels as fit a packet. */
function pointersInARow(): Buffer {
  const links = Array.from({ length: 300 }, (_, index) => Buffer.of(1, 0x61, 0xc0 | ((12 + index * 4) >> 8), (12 + index * 4) & 0xff));
  return Buffer.concat([HEADER, Buffer.of(0, 0, 0, 0), ...links, TYPE_A_CLASS_IN]);
}
