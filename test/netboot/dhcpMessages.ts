/** Any DHCP message our codec can carry, for property tests. */

import fc from 'fast-check';
import { LONGEST_BOOT_FILE, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { OPTION } from '../../src/backend/netboot/dhcp/options';
import { formatIpv4 } from '../../src/backend/netboot/ipv4';

export const anyIpv4 = fc.nat(0xffffffff).map(formatIpv4);
export const anyText = (maxLength: number, minLength = 0) => fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength, maxLength });
const optionCode = fc.integer({ min: 1, max: 254 }).filter((code) => code !== OPTION.overload);
export const anyBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value));
const hexPairs = (value: Uint8Array) => Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(':');

export const anyMessage: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom('request', 'reply'),
  hardwareType: fc.nat(255),
  hops: fc.nat(255),
  transactionId: fc.nat(0xffffffff),
  seconds: fc.nat(0xffff),
  broadcast: fc.boolean(),
  clientAddress: anyIpv4,
  yourAddress: anyIpv4,
  nextServer: anyIpv4,
  relayAddress: anyIpv4,
  hardwareAddress: fc.uint8Array({ maxLength: 16 }).map(hexPairs),
  serverName: anyText(63),
  bootFile: anyText(LONGEST_BOOT_FILE),
  options: fc.array(fc.tuple(optionCode, anyBytes(40)), { maxLength: 8 }).map((entries) => new Map(entries)),
});

/** The same from Ethernet. */
export const anyEthernetMessage: fc.Arbitrary<DhcpMessage> = fc
  .tuple(anyMessage, fc.uint8Array({ minLength: 6, maxLength: 6 }))
  .map(([message, mac]) => ({ ...message, hardwareType: 1, hardwareAddress: hexPairs(mac) }));
