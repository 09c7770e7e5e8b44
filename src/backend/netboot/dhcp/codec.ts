/**
 * DHCP messages to bytes and back (RFC 2131 §2, RFC 2132, RFC 3396). Pure: knows nothing of hosts or of PXEN.
 * Decoding never throws; what isn't a DHCP message gives a problem in words.
 */

import { ANY_ADDRESS, readIpv4, writeIpv4 } from '../ipv4';
import { OPTION, type DhcpOptions } from './options';
import { allot, encodedLength, type Option } from './room';

export interface DhcpMessage {
  readonly op: 'request' | 'reply';
  /** 1 is Ethernet. */
  readonly hardwareType: number;
  readonly hops: number;
  readonly transactionId: number;
  /** Since the client began, as it says. */
  readonly seconds: number;
  /** The client can't take unicasts yet (RFC 2131 §4.1). */
  readonly broadcast: boolean;
  readonly clientAddress: string;
  readonly yourAddress: string;
  /** `siaddr`: where the boot file is fetched from. */
  readonly nextServer: string;
  /** `giaddr`: the relay that passed the message on, or 0.0.0.0. */
  readonly relayAddress: string;
  /** `chaddr`: lower-case hex with colons; a MAC when six octets long. */
  readonly hardwareAddress: string;
  readonly serverName: string;
  readonly bootFile: string;
  readonly options: DhcpOptions;
}

export type Decoded = { readonly message: DhcpMessage } | { readonly problem: string };

/** RFC 2131 §2: the fixed part, then the magic cookie. */
const FIXED_LENGTH = 236;
const MAGIC_COOKIE = 0x63825363;
const OPTIONS_OFFSET = FIXED_LENGTH + 4;
const SERVER_NAME = { offset: 44, length: 64 };
const BOOT_FILE = { offset: 108, length: 128 };
const BROADCAST_FLAG = 0x8000;
/** BOOTP's size (RFC 1542 §2.1): old relays and firmware drop anything shorter. */
const MINIMUM_LENGTH = 300;
/** RFC 2131 §2: the IP datagram every client must take, and the smallest value option 57 may have. */
const DEFAULT_MAXIMUM_SIZE = 576;
/** Option 57 counts the IP and UDP headers. */
const IP_UDP_HEADERS = 28;
/** Ethernet's MTU: whatever the client says, our replies are not fragmented. */
const LARGEST_REPLY = 1500;

const OVERLOADS_FILE = 1;
const OVERLOADS_NAME = 2;

export function decodeDhcp(bytes: Buffer): Decoded {
  if (bytes.length < OPTIONS_OFFSET) return { problem: `${bytes.length} bytes are too short for a DHCP message` };
  if (bytes.readUInt32BE(FIXED_LENGTH) !== MAGIC_COOKIE) return { problem: 'the magic cookie of DHCP is missing (plain BOOTP?)' };
  const op = bytes.readUInt8(0);
  if (op !== 1 && op !== 2) return { problem: `op ${op} is neither request nor reply` };
  const hardwareLength = bytes.readUInt8(2);
  if (hardwareLength > 16) return { problem: `a hardware address of ${hardwareLength} octets doesn't fit` };

  const options = new Map<number, Buffer>();
  collectOptions(bytes.subarray(OPTIONS_OFFSET), options);
  const overload = options.get(OPTION.overload)?.at(0) ?? 0;
  const fileField = bytes.subarray(BOOT_FILE.offset, BOOT_FILE.offset + BOOT_FILE.length);
  const nameField = bytes.subarray(SERVER_NAME.offset, SERVER_NAME.offset + SERVER_NAME.length);
  // RFC 3396 §5: the fields are joined in this order before repeated options are put together.
  if (overload & OVERLOADS_FILE) collectOptions(fileField, options);
  if (overload & OVERLOADS_NAME) collectOptions(nameField, options);
  options.delete(OPTION.overload);

  return {
    message: {
      op: op === 1 ? 'request' : 'reply',
      hardwareType: bytes.readUInt8(1),
      hops: bytes.readUInt8(3),
      transactionId: bytes.readUInt32BE(4),
      seconds: bytes.readUInt16BE(8),
      broadcast: (bytes.readUInt16BE(10) & BROADCAST_FLAG) !== 0,
      clientAddress: readIpv4(bytes, 12),
      yourAddress: readIpv4(bytes, 16),
      nextServer: readIpv4(bytes, 20),
      relayAddress: readIpv4(bytes, 24),
      hardwareAddress: formatHardwareAddress(bytes, 28, hardwareLength),
      serverName: overload & OVERLOADS_NAME ? '' : terminatedText(nameField),
      bootFile: overload & OVERLOADS_FILE ? '' : terminatedText(fileField),
      options,
    },
  };
}

/** Joins the parts of a repeated option (RFC 3396); an option cut short by the end of the field is dropped. */
function collectOptions(field: Buffer, options: Map<number, Buffer>): void {
  let offset = 0;
  while (offset < field.length) {
    const code = field.readUInt8(offset);
    if (code === OPTION.end) return;
    if (code === OPTION.pad) {
      offset += 1;
      continue;
    }
    if (offset + 1 >= field.length) return;
    const length = field.readUInt8(offset + 1);
    const start = offset + 2;
    if (start + length > field.length) return;
    const part = field.subarray(start, start + length);
    const before = options.get(code);
    options.set(code, before ? Buffer.concat([before, part]) : part);
    offset = start + length;
  }
}

export interface Encoded {
  readonly bytes: Buffer;
  /** Codes of the options that the client's maximum size left no room for. */
  readonly omitted: readonly number[];
}

/**
 * Options are written in the map's order. `maximumSize` is the client's option 57 (IP datagram, bytes): what doesn't fit
 * goes into the unused `file` and `sname` fields (option 52), and the least needed ones then are left out.
 * Throws RangeError on a boot file or server name too long for its field: the caller puts those into options 67 and 66.
 */
export function encodeDhcp(message: DhcpMessage, maximumSize: number = DEFAULT_MAXIMUM_SIZE): Encoded {
  const limit = Math.min(Math.max(maximumSize, DEFAULT_MAXIMUM_SIZE), LARGEST_REPLY) - IP_UDP_HEADERS;
  const room = { main: limit - OPTIONS_OFFSET, file: message.bootFile === '' ? BOOT_FILE.length : 0, serverName: message.serverName === '' ? SERVER_NAME.length : 0 };
  const { main, file, serverName, omitted } = allot(message.options, room, message);
  const overload = (file.length > 0 ? OVERLOADS_FILE : 0) | (serverName.length > 0 ? OVERLOADS_NAME : 0);
  const mainOptions: readonly Option[] = overload ? [...main, [OPTION.overload, Buffer.of(overload)]] : main;
  let mainLength = 0;
  for (const option of mainOptions) mainLength += encodedLength(option);
  // One piece for all of it: a buffer for each option costs more than everything else about a reply.
  const bytes = Buffer.allocUnsafe(Math.max(MINIMUM_LENGTH, OPTIONS_OFFSET + mainLength + 1)).fill(0);
  writeFixedPart(message, bytes);
  writeOptions(bytes, OPTIONS_OFFSET, mainOptions);
  if (overload & OVERLOADS_FILE) writeOptions(bytes, BOOT_FILE.offset, file);
  if (overload & OVERLOADS_NAME) writeOptions(bytes, SERVER_NAME.offset, serverName);
  return { bytes, omitted };
}

function writeFixedPart(message: DhcpMessage, bytes: Buffer): void {
  bytes.writeUInt8(message.op === 'request' ? 1 : 2, 0);
  bytes.writeUInt8(message.hardwareType, 1);
  bytes.writeUInt8(bytes.write(message.hardwareAddress.replaceAll(':', ''), 28, 'hex'), 2);
  bytes.writeUInt8(message.hops, 3);
  bytes.writeUInt32BE(message.transactionId, 4);
  bytes.writeUInt16BE(message.seconds, 8);
  bytes.writeUInt16BE(message.broadcast ? BROADCAST_FLAG : 0, 10);
  writeIpv4(bytes, 12, message.clientAddress);
  writeIpv4(bytes, 16, message.yourAddress);
  writeIpv4(bytes, 20, message.nextServer);
  writeIpv4(bytes, 24, message.relayAddress);
  writeText(bytes, SERVER_NAME, message.serverName);
  writeText(bytes, BOOT_FILE, message.bootFile);
  bytes.writeUInt32BE(MAGIC_COOKIE, FIXED_LENGTH);
}

/** Values over 255 octets as several options of the same code (RFC 3396), and the end marker behind them all. */
function writeOptions(bytes: Buffer, offset: number, options: readonly Option[]): void {
  let at = offset;
  for (const [code, value] of options) {
    for (let start = 0; start === 0 || start < value.length; start += 255) {
      const length = Math.min(255, value.length - start);
      bytes[at] = code;
      bytes[at + 1] = length;
      value.copy(bytes, at + 2, start, start + length);
      at += 2 + length;
    }
  }
  bytes[at] = OPTION.end;
}

function writeText(bytes: Buffer, field: { readonly offset: number; readonly length: number }, text: string): void {
  if (text === '') return;
  // The last octet stays NUL: not every client stops at the field's end.
  if (text.length >= field.length) throw new RangeError(`"${text}" is too long for a field of ${field.length} octets`);
  bytes.write(text, field.offset, 'latin1');
}

/** The longest text that fits the `file` field. */
export const LONGEST_BOOT_FILE = BOOT_FILE.length - 1;

function terminatedText(field: Buffer): string {
  if (field[0] === 0) return '';
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? field.length : end);
}

/** In one go, since a text that is put together from parts costs more where it is looked up than where it is made. */
function formatHardwareAddress(bytes: Buffer, start: number, length: number): string {
  if (length === 0) return '';
  const codes: number[] = [];
  for (let index = start; index < start + length; index += 1) {
    const octet = bytes.readUInt8(index);
    codes.push(HEX_DIGITS.charCodeAt(octet >> 4), HEX_DIGITS.charCodeAt(octet & 15), COLON);
  }
  codes.pop();
  return String.fromCharCode(...codes);
}

const HEX_DIGITS = '0123456789abcdef';
const COLON = 0x3a;

/** An empty message of a client: what its builders, the lab and the tests start from. */
export const EMPTY_REQUEST: DhcpMessage = {
  op: 'request',
  hardwareType: 1,
  hops: 0,
  transactionId: 0,
  seconds: 0,
  broadcast: false,
  clientAddress: ANY_ADDRESS,
  yourAddress: ANY_ADDRESS,
  nextServer: ANY_ADDRESS,
  relayAddress: ANY_ADDRESS,
  hardwareAddress: '',
  serverName: '',
  bootFile: '',
  options: new Map(),
};
