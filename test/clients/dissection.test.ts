/** tshark reads the packets that our codecs write as they were meant. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { encodeTftp, type TftpPacket } from '../../src/backend/netboot/tftp/codec';
import { anyBytes, anyEthernetMessage, anyText } from '../netboot/dhcpMessages';
import { dissected } from './dissect';

const SAMPLES = 2_000;
const sample = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.sample(arbitrary, { numRuns: SAMPLES, seed: 20_261_123 });

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

it('TFTP: requests with options, their acknowledgements, blocks, acknowledgements and errors', async () => {
  const block = fc.nat(0xffff);
  const value = (min: number, max: number) => fc.option(fc.integer({ min, max }).map(String));
  const acknowledged = fc.record({ blksize: value(8, 65_464), tsize: value(0, 2 ** 31 - 1), windowsize: value(1, 65_535), timeout: value(1, 255) }).map((values) => new Map(Object.entries(values).flatMap(([name, text]) => (text === null ? [] : [[name, text]]))));
  const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
    fc.record({ kind: fc.constant('read' as const), file: anyText(60, 1), mode: fc.constant('octet'), options: fc.subarray([['blksize', '1432'], ['tsize', '0'], ['windowsize', '8'], ['timeout', '3']] as const).map((pairs) => new Map(pairs)) }),
    fc.record({ kind: fc.constant('options' as const), options: acknowledged }),
    fc.record({ kind: fc.constant('data' as const), block, data: anyBytes(512) }),
    fc.record({ kind: fc.constant('acknowledgement' as const), block }),
    fc.record({ kind: fc.constant('error' as const), code: fc.nat(8), message: anyText(60, 1) }),
  );
  const packets = sample(packet);
  const lines = await dissected(packets.map(encodeTftp), { from: 69, to: 69 }, ['tftp.opcode', 'tftp.source_file', 'tftp.type', 'tftp.option.name', 'tftp.option.value', 'tftp.block', 'tftp.error.code', 'tftp.error.message']);
  const opcode = { read: 1, write: 2, data: 3, acknowledgement: 4, error: 5, options: 6 };
  const expected = packets.map((sent) => {
    const file = sent.kind === 'read' ? [sent.file, sent.mode] : ['', ''];
    const options = 'options' in sent ? [[...sent.options.keys()].join('|'), [...sent.options.values()].join('|')] : ['', ''];
    const number = 'block' in sent ? String(sent.block) : '';
    const error = sent.kind === 'error' ? [String(sent.code), sent.message] : ['', ''];
    return ['', String(opcode[sent.kind]), ...file, ...options, number, ...error];
  });
  expect(lines).toEqual(expected);
});
