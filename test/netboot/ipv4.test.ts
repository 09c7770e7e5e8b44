import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatIpv4, ipv4Bytes, parseIpv4 } from '../../src/backend/netboot/ipv4';

it('an address survives being written, read, and put into bytes', () => {
  fc.assert(fc.property(fc.nat(0xffffffff), (value) => {
    expect(parseIpv4(formatIpv4(value))).toBe(value);
    expect(ipv4Bytes(formatIpv4(value)).readUInt32BE()).toBe(value);
  }));
});

it.each(['', '1', '1.2.3', '1.2.3.', '.1.2.3', '1..2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.0004', '1.2.3.x', ' 1.2.3.4', '1.2.3.4\n', '0x1.2.3.4', '1.2.3.-4', '٣.2.3.4'])('%j is no address', (text) => {
  expect(parseIpv4(text)).toBeUndefined();
});
