/** DHCP's numbers by name, and the values that options carry. Pure. */

import { readIpv4, writeIpv4 } from '../ipv4';

/** Option codes (RFC 2132 unless said otherwise). */
export const OPTION = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  domainNameServers: 6,
  hostName: 12,
  domainName: 15,
  broadcastAddress: 28,
  vendorSpecific: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maximumMessageSize: 57,
  vendorClass: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootFileName: 67,
  /** RFC 3004, though iPXE sends the bare string without the length octets. */
  userClass: 77,
  /** RFC 3046. */
  relayAgentInformation: 82,
  /** RFC 4578: a list of 16-bit numbers. */
  clientArchitecture: 93,
  /** RFC 4578. */
  clientNetworkInterface: 94,
  /** RFC 4578: type octet 0 and 16 octets of UUID. */
  clientUuid: 97,
  /** iPXE's own encapsulated options (ipxe.org/howto/dhcpd). */
  ipxe: 175,
  end: 255,
} as const;

export const MESSAGE_TYPES = ['discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform'] as const;

/** Option 53; its number on the wire is the position in {@link MESSAGE_TYPES} plus one. */
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** Sub-options of 175: features that this iPXE was built with, and settings for it. */
export const IPXE_OPTION = { http: 19, https: 20, multiboot: 25, pxe: 33, efi: 36, noProxyDhcp: 176 } as const;

/** RFC 2131 §3.3: a lease without end. */
export const INFINITE_LEASE = 0xffffffff;

/** Option code to its value; a repeated option's parts are already joined (RFC 3396). In the order of the wire. */
export type DhcpOptions = ReadonlyMap<number, Buffer>;

export function messageTypeOf(options: DhcpOptions): MessageType | undefined {
  const value = options.get(OPTION.messageType);
  return value?.length === 1 ? MESSAGE_TYPES[value.readUInt8(0) - 1] : undefined;
}

export function messageTypeValue(type: MessageType): Buffer {
  return Buffer.of(MESSAGE_TYPES.indexOf(type) + 1);
}

/** The one address an option carries; undefined when it is absent or isn't four bytes long. */
export function addressOf(options: DhcpOptions, code: number): string | undefined {
  const value = options.get(code);
  return value?.length === 4 ? readIpv4(value, 0) : undefined;
}

export function addressesValue(addresses: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * addresses.length);
  addresses.forEach((address, index) => writeIpv4(bytes, 4 * index, address));
  return bytes;
}

/** Text up to the first NUL; some clients count a terminator, RFC 2132 §2 asks receivers to drop it. */
export function textOf(options: DhcpOptions, code: number): string | undefined {
  const value = options.get(code);
  if (!value) return undefined;
  const end = value.indexOf(0);
  return value.toString('latin1', 0, end < 0 ? value.length : end);
}

export function textValue(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** 16-bit numbers of option 93; an odd last octet is ignored. */
export function architecturesOf(options: DhcpOptions): readonly number[] {
  const value = options.get(OPTION.clientArchitecture);
  if (!value) return [];
  return Array.from({ length: value.length >> 1 }, (_, index) => value.readUInt16BE(index * 2));
}

export function uint16Of(options: DhcpOptions, code: number): number | undefined {
  const value = options.get(code);
  return value?.length === 2 ? value.readUInt16BE(0) : undefined;
}

export function uint32Value(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Sub-options of an encapsulating option (43, 82, 175). What doesn't parse ends the list, as with the options themselves. */
export function subOptionsOf(value: Buffer): DhcpOptions {
  const found = new Map<number, Buffer>();
  let offset = 0;
  while (offset + 1 < value.length) {
    const code = value.readUInt8(offset);
    if (code === OPTION.end) break;
    if (code === OPTION.pad) {
      offset += 1;
      continue;
    }
    const length = value.readUInt8(offset + 1);
    if (offset + 2 + length > value.length) break;
    found.set(code, value.subarray(offset + 2, offset + 2 + length));
    offset += 2 + length;
  }
  return found;
}
