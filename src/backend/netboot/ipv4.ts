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

const [DOT, NULL_DIGIT, NINE] = [0x2e, 0x30, 0x39];

/** `10.77.0.1` to its 32-bit number; undefined when it isn't four decimal bytes. Called many times for each packet. */
export function parseIpv4(text: string): number | undefined {
  let [value, byte, digits, dots] = [0, 0, 0, 0];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === DOT && digits > 0) {
      value = value * 256 + byte;
      dots += 1;
      [byte, digits] = [0, 0];
    } else if (code >= NULL_DIGIT && code <= NINE && digits < 3) {
      byte = byte * 10 + code - NULL_DIGIT;
      digits += 1;
      if (byte > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + byte : undefined;
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/** Four bytes, network order. Throws on text that isn't an address: the caller got it from the checked model. */
export function ipv4Bytes(address: string): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  writeIpv4(bytes, 0, address);
  return bytes;
}

/** Like {@link ipv4Bytes}, into `bytes` at `offset`. */
export function writeIpv4(bytes: Buffer, offset: number, address: string): void {
  const value = parseIpv4(address);
  if (value === undefined) throw new RangeError(`${address} is not an IPv4 address`);
  bytes.writeUInt32BE(value, offset);
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
