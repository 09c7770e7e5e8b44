import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import dgram from 'node:dgram';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { CaptureError, openCapture } from '../../src/backend/netboot/capture';
import { encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { systemClock } from '../../src/backend/system';
import { startFixture, temporaryFolder } from './bootServerFixture';
import { CLIENTS, request } from './clients';

/** One exchange of DHCP and one of TFTP with a server whose datagrams are captured. */
async function captured(limit?: number) {
  const file = path.join(await temporaryFolder(), 'boot.pcap');
  const troubles: string[] = [];
  const capture = await openCapture({ file, clock: systemClock, onTrouble: (sentence) => void troubles.push(sentence), ...(limit !== undefined && { limit }) });
  const { server } = await startFixture();
  const client = dgram.createSocket('udp4');
  const ask = async (bytes: Buffer, port: number) => {
    const answered = new Promise((resolve) => client.once('message', resolve));
    client.send(bytes, port, '127.0.0.1');
    await answered;
  };
  await ask(encodeDhcp(request({ type: 'discover', options: CLIENTS.bios })).bytes, server.ports.dhcp);
  await ask(Buffer.from('\0\x01nothing\0octet\0', 'latin1'), server.ports.tftp);
  client.close();
  await server.close();
  await capture.close();
  return { file, troubles, ports: server.ports };
}

/** Packets of a pcap file with raw IPv4: ports and payload length. */
function packetsIn(bytes: Buffer) {
  const packets: { readonly from: number; readonly to: number; readonly length: number }[] = [];
  for (let offset = 24; offset < bytes.length; offset += 16 + bytes.readUInt32LE(offset + 8)) {
    packets.push({ from: bytes.readUInt16BE(offset + 36), to: bytes.readUInt16BE(offset + 38), length: bytes.readUInt16BE(offset + 40) - 8 });
  }
  return packets;
}

it('what is asked and what is answered is in the file, in this order', async () => {
  const { file, ports } = await captured();
  const packets = packetsIn(await readFile(file));
  const taken = packets.filter(({ to }) => to === ports.dhcp || to === ports.tftp);
  const sent = packets.filter(({ from }) => from === ports.dhcp);
  expect([taken.some(({ to }) => to === ports.dhcp), taken.some(({ to }) => to === ports.tftp), sent.length > 0]).toEqual([true, true, true]);
  expect(packets.findIndex(({ to }) => to === ports.dhcp)).toBeLessThan(packets.findIndex(({ from }) => from === ports.dhcp));
  expect(sent.every(({ length }) => length >= 300)).toBe(true);
});

it.skipIf(!existsSync('/usr/bin/tshark'))('tshark reads it as DHCP (skipped where tshark is missing)', async () => {
  const { file, ports } = await captured();
  const { stdout } = await promisify(execFile)('tshark', ['-r', file, '-d', `udp.port==${ports.dhcp},dhcp`, '-Y', 'dhcp', '-T', 'fields', '-e', 'dhcp.option.dhcp', '-e', 'dhcp.ip.your', '-e', 'dhcp.hw.mac_addr', '-e', 'ip.checksum.status', '-o', 'ip.check_checksum:TRUE']);
  const lines = new Set(stdout.trim().split('\n').map((line) => line.split('\t').slice(0, 2).join(' ')));
  expect(lines).toEqual(new Set(['1 0.0.0.0', '2 10.77.0.11']));
  expect(stdout).not.toMatch(/\t0$/m);
});

it('ends at its limit, and says so', async () => {
  const { file, troubles } = await captured(400);
  expect((await readFile(file)).length).toBeLessThanOrEqual(24 + 400);
  expect(troubles).toEqual([expect.stringMatching(/The capture ends here/)]);
});

it('overwrites no file', async () => {
  const file = path.join(await temporaryFolder(), 'there');
  await writeFile(file, 'precious');
  await expect(openCapture({ file, clock: systemClock, onTrouble: () => undefined })).rejects.toThrow(CaptureError);
  expect(await readFile(file, 'utf8')).toBe('precious');
});
