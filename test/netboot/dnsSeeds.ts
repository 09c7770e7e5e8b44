/** DNS queries as resolvers send them, and two that were made to keep a decoder busy. */

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
