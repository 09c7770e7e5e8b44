/**
 * The DHCP messages of a booting machine, written and read without the boot server's own codec, so that a mistake there
 * isn't made twice (RFC 2131 §2, RFC 2132, RFC 4578).
 */

export interface DhcpAsk {
  readonly type: 'discover' | 'request';
  readonly transactionId: Buffer;
  readonly mac: string;
  readonly uuid: string;
  /** Option 93. */
  readonly architecture: number;
  /** Option 60. */
  readonly vendorClass: string;
  /** What an iPXE can do, as sub-options of 175; absent: this isn't iPXE. */
  readonly ipxeFeatures?: readonly number[];
  /** Of a request: the offer it takes. */
  readonly taking?: { readonly address: string; readonly server: string };
}

export interface DhcpOffer {
  readonly type: 'offer' | 'ack' | 'nak';
  readonly address: string;
  readonly server: string;
  readonly nextServer: string;
  readonly bootFile: string;
  readonly vendorClass?: string;
}

const MAGIC_COOKIE = Buffer.of(99, 130, 83, 99);
const HEADER_BYTES = 236;
const MESSAGE_TYPE = { discover: 1, request: 3 } as const;
const REPLY_TYPE = { 2: 'offer', 5: 'ack', 6: 'nak' } as const;

export function encodeAsk(ask: DhcpAsk): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.set([1, 1, 6, 0]);
  header.set(ask.transactionId, 4);
  // The broadcast flag: a ROM can't take a unicast before it has an address.
  header.writeUInt16BE(0x8000, 10);
  header.set(macBytes(ask.mac), 28);
  const options = [
    option(53, Buffer.of(MESSAGE_TYPE[ask.type])),
    option(55, Buffer.of(1, 3, 6, 12, 15, 28, 43, 54, 60, 66, 67, 97, 128, 129)),
    option(57, Buffer.of(0x05, 0xc0)),
    option(60, Buffer.from(ask.vendorClass)),
    option(93, Buffer.of(0, ask.architecture)),
    option(94, Buffer.of(1, 3, 16)),
    option(97, Buffer.concat([Buffer.of(0), Buffer.from(ask.uuid.replaceAll('-', ''), 'hex')])),
    ...(ask.taking === undefined ? [] : [option(50, addressBytes(ask.taking.address)), option(54, addressBytes(ask.taking.server))]),
    ...(ask.ipxeFeatures === undefined ? [] : [option(77, Buffer.from('iPXE')), option(175, Buffer.concat(ask.ipxeFeatures.map((code) => option(code, Buffer.of(1)))))]),
  ];
  return Buffer.concat([header, MAGIC_COOKIE, ...options, Buffer.of(255)]);
}

/** Undefined for anything that isn't a whole reply to this transaction. */
export function decodeOffer(packet: Buffer, transactionId: Buffer): DhcpOffer | undefined {
  if (packet.length < HEADER_BYTES + 4 || packet[0] !== 2 || !packet.subarray(4, 8).equals(transactionId)) return undefined;
  if (!packet.subarray(HEADER_BYTES, HEADER_BYTES + 4).equals(MAGIC_COOKIE)) return undefined;
  const options = readOptions(packet.subarray(HEADER_BYTES + 4));
  const type = REPLY_TYPE[(options.get(53)?.[0] ?? 0) as keyof typeof REPLY_TYPE] as DhcpOffer['type'] | undefined;
  const server = options.get(54);
  if (type === undefined || server?.length !== 4) return undefined;
  const vendorClass = options.get(60);
  return {
    type,
    address: addressText(packet.subarray(16, 20)),
    server: addressText(server),
    nextServer: addressText(packet.subarray(20, 24)),
    bootFile: textUpToNul(packet.subarray(108, 236)) || textUpToNul(options.get(67) ?? Buffer.alloc(0)),
    ...(vendorClass === undefined ? {} : { vendorClass: vendorClass.toString('latin1') }),
  };
}

function readOptions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? 255;
    if (code === 255) break;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    options.set(code, bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

function option(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(code, value.length), value]);
}

export function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

function addressBytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function addressText(bytes: Buffer): string {
  return bytes.join('.');
}

function textUpToNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}
