/** tshark reads the packets that our codecs write as they were meant. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import dns from 'dns-packet';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import { encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { replyToDns } from '../../src/backend/netboot/dns/reply';
import { encodeTftp, type TftpPacket } from '../../src/backend/netboot/tftp/codec';
import { temporaryFolder } from '../netboot/bootServerFixture';
import { pool } from '../netboot/clients';
import { anyBytes, anyEthernetMessage, anyText } from '../netboot/dhcpMessages';
import { must } from './processes';

const SAMPLES = 2_000;
const sample = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.sample(arbitrary, { numRuns: SAMPLES, seed: 20_261_123 });

/** One line a packet; a field's values are joined by `|`. */
async function dissected(packets: readonly Buffer[], ports: { readonly from: number; readonly to: number }, fields: readonly string[]): Promise<readonly (readonly string[])[]> {
  const file = path.join(await temporaryFolder(), 'packets.pcap');
  await writeFile(file, pcap(packets, ports));
  const output = await must('sh', ['-c', '"$0" "$@" 2>/dev/null', 'tshark', '-r', file, '-n', '-T', 'fields', '-E', 'aggregator=|', ...['_ws.malformed', ...fields].flatMap((field) => ['-e', field])]);
  return output.replace(/\n$/, '').split('\n').map((line) => line.split('\t'));
}

/** The classic capture format, with bare IPv4 packets (LINKTYPE_IPV4, 228). */
function pcap(packets: readonly Buffer[], { from, to }: { readonly from: number; readonly to: number }): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(228, 20);
  const records = packets.map((payload) => {
    const ip = Buffer.from('450000000000000040110000' + '0a4d0001' + '0a4d000b', 'hex');
    ip.writeUInt16BE(28 + payload.length, 2);
    const udp = Buffer.alloc(8);
    udp.writeUInt16BE(from, 0);
    udp.writeUInt16BE(to, 2);
    udp.writeUInt16BE(8 + payload.length, 4);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(28 + payload.length, 8);
    record.writeUInt32LE(28 + payload.length, 12);
    return Buffer.concat([record, ip, udp, payload]);
  });
  return Buffer.concat([header, ...records]);
}

it('DHCP: the fixed part, and every option with its length', async () => {
  // Those for private use: other options' values it wants in forms of their own, 249's too (Microsoft's static routes).
  const messages = sample(anyEthernetMessage).map((message): DhcpMessage => ({ ...message, options: new Map([[53, Buffer.of(2)], ...[...message.options].filter(([code]) => code >= 224 && code !== 249)]) }));
  const fields = ['dhcp.type', 'dhcp.hops', 'dhcp.id', 'dhcp.secs', 'dhcp.flags.bc', 'dhcp.ip.client', 'dhcp.ip.your', 'dhcp.ip.server', 'dhcp.ip.relay', 'dhcp.hw.mac_addr', 'dhcp.server', 'dhcp.file', 'dhcp.option.type', 'dhcp.option.length'];
  const lines = await dissected(messages.map((message) => encodeDhcp(message, 1500).bytes), { from: 67, to: 68 }, fields);
  const expected = messages.map((message) => [
    '',
    message.op === 'request' ? '1' : '2',
    String(message.hops),
    `0x${message.transactionId.toString(16).padStart(8, '0')}`,
    // It takes a low octet of zero for a client that writes the number backwards, as some do.
    String(message.seconds % 256 === 0 ? message.seconds / 256 : message.seconds),
    message.broadcast ? '1' : '0',
    message.clientAddress,
    message.yourAddress,
    message.nextServer,
    message.relayAddress,
    message.hardwareAddress,
    message.serverName,
    message.bootFile,
    // It shows the end marker as 0.
    [...message.options.keys(), 0].join('|'),
    [...message.options.values()].map(({ length }) => length).join('|'),
  ]);
  expect(lines).toEqual(expected);
});

it('TFTP: requests with options, blocks, acknowledgements and errors', async () => {
  const block = fc.nat(0xffff);
  const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
    fc.record({ kind: fc.constant('read' as const), file: anyText(60, 1), mode: fc.constant('octet'), options: fc.subarray([['blksize', '1432'], ['tsize', '0'], ['windowsize', '8'], ['timeout', '3']] as const).map((pairs) => new Map(pairs)) }),
    fc.record({ kind: fc.constant('data' as const), block, data: anyBytes(512) }),
    fc.record({ kind: fc.constant('acknowledgement' as const), block }),
    fc.record({ kind: fc.constant('error' as const), code: fc.nat(8), message: anyText(60, 1) }),
  );
  const packets = sample(packet);
  const lines = await dissected(packets.map(encodeTftp), { from: 69, to: 69 }, ['tftp.opcode', 'tftp.source_file', 'tftp.type', 'tftp.option.name', 'tftp.option.value', 'tftp.block', 'tftp.error.code', 'tftp.error.message']);
  const opcode = { read: 1, write: 2, data: 3, acknowledgement: 4, error: 5, options: 6 };
  const expected = packets.map((sent) => {
    const request = sent.kind === 'read' ? [sent.file, sent.mode, [...sent.options.keys()].join('|'), [...sent.options.values()].join('|')] : ['', '', '', ''];
    const number = 'block' in sent ? String(sent.block) : '';
    const error = sent.kind === 'error' ? [String(sent.code), sent.message] : ['', ''];
    return ['', String(opcode[sent.kind]), ...request, number, ...error];
  });
  expect(lines).toEqual(expected);
});

it('DNS: the answers about the pool', async () => {
  const questions = [
    ['node1.test.internal', 'A', '10.77.0.11', '', '0'],
    ['node2.test.internal', 'A', '10.77.0.12', '', '0'],
    ['11.0.77.10.in-addr.arpa', 'PTR', '', 'node1.test.internal', '0'],
    ['nobody.test.internal', 'A', '', '', '3'],
    ['www.example.org', 'A', '', '', '5'],
  ] as const;
  const replies = questions.map(([name, type], id) => replyToDns(dns.encode({ type: 'query', id, flags: dns.RECURSION_DESIRED, questions: [{ type, name, class: 'IN' }] }), (question) => answerDns(pool(), question, '10.77.0.1'))?.bytes);
  const lines = await dissected(replies.filter((bytes) => bytes !== undefined), { from: 53, to: 5353 + 1 }, ['dns.flags.response', 'dns.id', 'dns.qry.name', 'dns.a', 'dns.ptr.domain_name', 'dns.flags.rcode']);
  expect(lines).toEqual(questions.map(([name, , address, pointer, code], id) => ['', '1', `0x${id.toString(16).padStart(4, '0')}`, name, address, pointer, code]));
});
