/**
 * Writes every datagram that this process sends or takes to a capture file that tcpdump, tshark and Wireshark read: classic
 * pcap (draft-ietf-opsawg-pcap), link type RAW, the IP and UDP headers made up from the sockets' addresses.
 */

import type dgram from 'node:dgram';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { giveToOwnerOf } from '../drive/owner';
import type { Clock } from '../system';
import { ipv4Bytes, parseIpv4 } from './ipv4';

export interface Capture {
  /** Takes in sockets no more, and resolves when all is written. A file without a packet is taken away. */
  close(): Promise<void>;
}

/** The capture file can't be begun; the message says why and what to do. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

export interface CaptureOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly onTrouble: (sentence: string) => void;
  /** Bytes after which nothing more is written. */
  readonly limit?: number;
}

/** Room for some hundred boots; a flash drive has it to spare. */
const LIMIT = 256 << 20;
/** What a pulled drive loses: the file before it is whole, and readers take a cut last packet. */
const WRITE_EVERY_MS = 1000;

/** Node's own channel on which it tells of each UDP socket that it makes (nodejs.org/api/diagnostics_channel, `udp.socket`). */
const SOCKETS = 'udp.socket';

/** Sees the sockets made from now on. Rejects with a `CaptureError` when the file is there already or can't be made. */
export async function openCapture({ file, clock, onTrouble, limit = LIMIT }: CaptureOptions): Promise<Capture> {
  const handle = await open(file, 'wx').catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CaptureError(code === 'EEXIST' ? `The capture file ${file} is there already. Name another, or delete it.` : `The capture file ${file} can't be made: ${message}.`, { cause: error });
  });
  await giveToOwnerOf(path.dirname(path.resolve(file)), handle);
  let waiting: Buffer[] = [fileHeader()];
  let size = 0;
  let state: 'open' | 'full' | 'broken' = 'open';
  let writing = Promise.resolve();
  let cancel: (() => void) | undefined;

  const write = () => {
    cancel = undefined;
    const bytes = Buffer.concat(waiting);
    waiting = [];
    if (bytes.length === 0 || state === 'broken') return;
    writing = writing
      .then(async () => {
        await handle.appendFile(bytes);
        await handle.datasync();
      })
      .catch((error: unknown) => {
        state = 'broken';
        onTrouble(`The capture ends here: ${file} can't be written (${(error as Error).message})`);
      });
  };
  const take = (from: Endpoint, to: Endpoint, payload: Buffer) => {
    if (state !== 'open') return;
    const record = packetRecord(clock.now(), from, to, payload);
    size += record.length;
    if (size > limit) {
      state = 'full';
      onTrouble(`The capture ends here: ${file} has reached ${limit >> 20} MiB`);
      return;
    }
    waiting.push(record);
    cancel ??= clock.after(WRITE_EVERY_MS, write);
  };
  const onSocket = (message: unknown) => tap((message as { readonly socket: dgram.Socket }).socket, take);
  subscribe(SOCKETS, onSocket);
  write();
  return {
    close: async () => {
      unsubscribe(SOCKETS, onSocket);
      cancel?.();
      write();
      await writing;
      state = 'broken';
      await handle.close();
      // A start that failed shall not be in the way of the next.
      if (size === 0) await rm(file, { force: true });
    },
  };
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What a socket takes in shows as an event; what it sends goes through its `send`, which has no event. */
function tap(socket: dgram.Socket, take: (from: Endpoint, to: Endpoint, payload: Buffer) => void): void {
  socket.on('message', (bytes: Buffer, { address, port }: dgram.RemoteInfo) => take({ address, port }, socket.address(), bytes));
  const send = socket.send.bind(socket) as (...args: readonly unknown[]) => void;
  const tapped = (...args: readonly unknown[]) => {
    send(...args);
    const { to, payload } = sentBy(socket, args);
    // The first send binds a socket that isn't yet; which address it will have isn't known then.
    const from = isBound(socket) ? socket.address() : { address: '0.0.0.0', port: 0 };
    take(from, to, payload);
  };
  socket.send = tapped as dgram.Socket['send'];
}

/** `send(msg[, offset, length][, port][, address][, callback])`; a connected socket names neither port nor address. */
function sentBy(socket: dgram.Socket, [message, ...rest]: readonly unknown[]): { readonly to: Endpoint; readonly payload: Buffer } {
  const whole = Array.isArray(message) ? Buffer.concat(message as Buffer[]) : Buffer.from(message as Buffer);
  const isPart = typeof rest[0] === 'number' && typeof rest[1] === 'number';
  const payload = isPart ? whole.subarray(rest[0] as number, (rest[0] as number) + (rest[1] as number)) : whole;
  const [port, address] = isPart ? rest.slice(2) : rest;
  if (typeof port !== 'number') return { to: socket.remoteAddress(), payload };
  return { to: { port, address: typeof address === 'string' ? address : '127.0.0.1' }, payload };
}

function isBound(socket: dgram.Socket): boolean {
  try {
    socket.address();
    return true;
  } catch {
    return false;
  }
}

const IPV4_HEADER = 20;
const UDP_HEADER = 8;
const UDP_PROTOCOL = 17;
const LINKTYPE_RAW = 101;

function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0x40000, 16);
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  return header;
}

function packetRecord(nowMs: number, from: Endpoint, to: Endpoint, payload: Buffer): Buffer {
  const length = IPV4_HEADER + UDP_HEADER + payload.length;
  const record = Buffer.alloc(16 + IPV4_HEADER + UDP_HEADER);
  record.writeUInt32LE(Math.floor(nowMs / 1000), 0);
  record.writeUInt32LE(Math.floor((nowMs % 1000) * 1000), 4);
  record.writeUInt32LE(length, 8);
  record.writeUInt32LE(length, 12);
  const ip = record.subarray(16, 16 + IPV4_HEADER);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(UDP_PROTOCOL, 9);
  addressBytes(from.address).copy(ip, 12);
  addressBytes(to.address).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const udp = record.subarray(16 + IPV4_HEADER);
  udp.writeUInt16BE(from.port, 0);
  udp.writeUInt16BE(to.port, 2);
  // A checksum of zero says that there is none (RFC 768).
  udp.writeUInt16BE(UDP_HEADER + payload.length, 4);
  return Buffer.concat([record, payload]);
}

function addressBytes(address: string): Buffer {
  return parseIpv4(address) === undefined ? Buffer.alloc(4) : ipv4Bytes(address);
}

/** RFC 791: the one's complement of the one's complement sum of the header's words. */
function checksum(header: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < header.length; offset += 2) sum += header.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
