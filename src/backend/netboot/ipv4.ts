/** IPv4 addresses as text, number and bytes. Pure. */

export const ANY_ADDRESS = '0.0.0.0';
export const LIMITED_BROADCAST = '255.255.255.255';

export interface Subnet {
  /** Dotted, host bits zero. */
  readonly network: string;
  readonly prefixLength: number;
  /** Dotted netmask. */
  readonly mask: string;
  /** The subnet's directed broadcast address. */
  readonly broadcast: string;
}

/** `10.77.0.1` to its 32-bit number; undefined when it isn't four decimal bytes. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}

/** Four bytes, network order. Throws on text that isn't an address: the caller got it from the checked model. */
export function ipv4Bytes(address: string): Buffer {
  const value = parseIpv4(address);
  if (value === undefined) throw new RangeError(`${address} is not an IPv4 address`);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Reads four bytes at `offset`; the caller has checked the length. */
export function readIpv4(bytes: Buffer, offset: number): string {
  return formatIpv4(bytes.readUInt32BE(offset));
}

/** `10.77.0.0/24` to its parts. Throws on anything else: the model's subnet was checked when the drive was read. */
export function parseSubnet(cidr: string): Subnet {
  const [address = '', length = ''] = cidr.split('/');
  const value = parseIpv4(address);
  const prefixLength = /^\d{1,2}$/.test(length) ? Number(length) : NaN;
  if (value === undefined || !(prefixLength <= 32)) throw new RangeError(`${cidr} is not an IPv4 subnet`);
  const mask = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
  const network = (value & mask) >>> 0;
  return {
    network: formatIpv4(network),
    prefixLength,
    mask: formatIpv4(mask),
    broadcast: formatIpv4((network | ~mask) >>> 0),
  };
}

export function inSubnet(address: string, subnet: Subnet): boolean {
  const value = parseIpv4(address);
  const mask = parseIpv4(subnet.mask) ?? 0;
  return value !== undefined && formatIpv4((value & mask) >>> 0) === subnet.network;
}
