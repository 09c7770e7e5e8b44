/** Wake-on-LAN's magic packet (AMD, Magic Packet Technology, 1995). Pure. */

const SYNC_LENGTH = 6;
const MAC_LENGTH = 6;
const REPEATS = 16;

/** Six bytes of 0xff, the MAC sixteen times, then the SecureOn password if the card wants one. Throws RangeError on either's bad form. */
export function encodeMagicPacket(mac: string, password?: string): Buffer {
  const address = macBytes(mac);
  if (!address) throw new RangeError(`${mac} is not a MAC address`);
  const secret = password === undefined ? Buffer.alloc(0) : passwordBytes(password);
  if (!secret) throw new RangeError('a SecureOn password is six bytes like 00:11:22:33:44:55, or four like 192.168.1.1');
  return Buffer.concat([Buffer.alloc(SYNC_LENGTH, 0xff), ...Array.from({ length: REPEATS }, () => address), secret]);
}

/** The MAC a packet wakes, wherever in the datagram it stands, as network cards look for it; undefined when none is in it. */
export function decodeMagicPacket(bytes: Buffer): { readonly mac: string; readonly password?: string } | undefined {
  const sync = Buffer.alloc(SYNC_LENGTH, 0xff);
  for (let start = bytes.indexOf(sync); start >= 0; start = bytes.indexOf(sync, start + 1)) {
    const macs = bytes.subarray(start + SYNC_LENGTH, start + SYNC_LENGTH + REPEATS * MAC_LENGTH);
    const mac = macs.subarray(0, MAC_LENGTH);
    if (macs.length < REPEATS * MAC_LENGTH || !macs.equals(Buffer.concat(Array.from({ length: REPEATS }, () => mac)))) continue;
    const rest = bytes.subarray(start + SYNC_LENGTH + macs.length);
    const hasPassword = rest.length === 4 || rest.length === 6;
    return { mac: hex(mac), ...(hasPassword && { password: hex(rest) }) };
  }
  return undefined;
}

function macBytes(mac: string): Buffer | undefined {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(mac) ? Buffer.from(mac.replace(/[:-]/g, ''), 'hex') : undefined;
}

/** As ethtool(8) and etherwake(8) take it: six bytes written like a MAC, or four written like an IPv4 address. */
function passwordBytes(password: string): Buffer | undefined {
  const numbers = password.split('.');
  if (numbers.length === 4 && numbers.every((number) => /^\d{1,3}$/.test(number) && Number(number) <= 255)) return Buffer.from(numbers.map(Number));
  return macBytes(password);
}

function hex(bytes: Buffer): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
