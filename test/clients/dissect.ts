/** What tshark reads in packets of ours. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from '../netboot/bootServerFixture';
import { must } from './processes';

/** One line a packet, that begins empty unless tshark calls it malformed; a field's values are joined by `|`. */
export async function dissected(packets: readonly Buffer[], ports: { readonly from: number; readonly to: number }, fields: readonly string[]): Promise<readonly (readonly string[])[]> {
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
