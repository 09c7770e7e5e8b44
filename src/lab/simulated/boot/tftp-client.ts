/** Reads one file by TFTP as a ROM does (RFC 1350, options of RFC 2347 and 2348, `tsize` of RFC 2349). */

import type { Cable, UdpPort } from './network';

const OPCODE = { read: 1, data: 3, ack: 4, error: 5, oack: 6 } as const;
/** Nothing for so long: the last packet is sent again. */
const RESEND_MS = 500;
const ATTEMPTS = 8;
/** What OVMF asks for; fits one Ethernet frame. */
const BLOCK_BYTES = 1468;

export async function tftpRead(cable: Cable, file: string, signal: AbortSignal): Promise<Buffer> {
  const server = cable.port('tftp');
  if (server === undefined) throw new Error(`TFTP ${file}: no server answers`);
  const udp = await cable.open();
  try {
    return await transfer(udp, server, file, signal);
  } finally {
    udp.close();
  }
}

async function transfer(udp: UdpPort, server: number, file: string, signal: AbortSignal): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let blockBytes = 512;
  let last = request(file);
  let lastTo = server;
  let peer: number | undefined;
  for (let silence = 0; silence < ATTEMPTS; ) {
    await udp.send(last, lastTo);
    const answer = await nextOf(udp, peer, signal);
    if (answer === undefined) {
      silence += 1;
      continue;
    }
    const { packet, port } = answer;
    const opcode = packet.readUInt16BE(0);
    if (opcode === OPCODE.error) throw new Error(`TFTP ${file}: ${packet.toString('utf8', 4).replace(/\0.*$/, '')}`);
    peer = port;
    lastTo = port;
    if (opcode === OPCODE.oack && blocks.length === 0) {
      blockBytes = grantedBlockBytes(packet);
      last = acknowledgement(0);
      silence = 0;
    } else if (opcode === OPCODE.data && packet.readUInt16BE(2) === ((blocks.length + 1) & 0xffff)) {
      blocks.push(packet.subarray(4));
      last = acknowledgement(blocks.length);
      silence = 0;
      if (packet.length - 4 < blockBytes) {
        await udp.send(last, lastTo);
        return Buffer.concat(blocks);
      }
    }
  }
  throw new Error(`TFTP ${file}: the server fell silent after ${blocks.length} blocks`);
}

/** Packets of another transfer, and ones too short to be any, are passed over. */
async function nextOf(udp: UdpPort, peer: number | undefined, signal: AbortSignal) {
  for (;;) {
    const answer = await udp.receive(RESEND_MS, signal);
    if (answer === undefined) return undefined;
    if (answer.packet.length >= 4 && (peer === undefined || answer.port === peer)) return answer;
  }
}

function request(file: string): Buffer {
  return Buffer.concat([Buffer.of(0, OPCODE.read), Buffer.from([file, 'octet', 'tsize', '0', 'blksize', String(BLOCK_BYTES), ''].join('\0'))]);
}

function acknowledgement(block: number): Buffer {
  const packet = Buffer.of(0, OPCODE.ack, 0, 0);
  packet.writeUInt16BE(block & 0xffff, 2);
  return packet;
}

function grantedBlockBytes(oack: Buffer): number {
  const words = oack.toString('latin1', 2).split('\0');
  const at = words.findIndex((word) => word.toLowerCase() === 'blksize');
  const granted = at < 0 ? 512 : Number(words[at + 1]);
  if (!(granted >= 8 && granted <= BLOCK_BYTES)) throw new Error(`TFTP: the server grants a block size of ${granted}, which was not asked for`);
  return granted;
}
