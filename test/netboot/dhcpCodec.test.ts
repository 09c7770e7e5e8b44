import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerDhcp } from '../../src/backend/netboot/answers/dhcp';
import { decodeDhcp, EMPTY_REQUEST, encodeDhcp, LONGEST_BOOT_FILE, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { OPTION } from '../../src/backend/netboot/dhcp/options';
import { formatIpv4 } from '../../src/backend/netboot/ipv4';
import { CLIENTS, pool, request } from './clients';

const ipv4 = fc.nat(0xffffffff).map(formatIpv4);
const text = (maxLength: number) => fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength });
const optionCode = fc.integer({ min: 1, max: 254 }).filter((code) => code !== OPTION.overload);
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value));

const message: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom('request', 'reply'),
  hardwareType: fc.nat(255),
  hops: fc.nat(255),
  transactionId: fc.nat(0xffffffff),
  seconds: fc.nat(0xffff),
  broadcast: fc.boolean(),
  clientAddress: ipv4,
  yourAddress: ipv4,
  nextServer: ipv4,
  relayAddress: ipv4,
  hardwareAddress: fc.uint8Array({ maxLength: 16 }).map((value) => Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(':')),
  serverName: text(63),
  bootFile: text(LONGEST_BOOT_FILE),
  options: fc.array(fc.tuple(optionCode, bytes(40)), { maxLength: 8 }).map((entries) => new Map(entries)),
});

const decoded = (input: Buffer): DhcpMessage => {
  const result = decodeDhcp(input);
  if ('problem' in result) throw new Error(result.problem);
  return result.message;
};

describe('encoding and decoding', () => {
  it('gives back every message whose options fit', () => {
    fc.assert(fc.property(message, (original) => {
      expect(decoded(encodeDhcp(original, 1500).bytes)).toEqual(original);
    }));
  });

  it('splits values over 255 octets and joins repeated options (RFC 3396)', () => {
    fc.assert(fc.property(bytes(900), (value) => {
      const options = new Map([[OPTION.vendorSpecific, value]]);
      expect(decoded(encodeDhcp({ ...EMPTY_REQUEST, options }, 1500).bytes).options).toEqual(options);
    }));
  });

  it('never sends more than the client takes, nor less than BOOTP had', () => {
    fc.assert(fc.property(message, fc.integer({ min: 0, max: 0xffff }), (original, maximum) => {
      const length = encodeDhcp(original, maximum).bytes.length;
      expect(length).toBeGreaterThanOrEqual(300);
      expect(length).toBeLessThanOrEqual(Math.min(Math.max(576, maximum), 1500) - 28);
    }));
  });

  it('uses the file and sname fields when the options overflow, and says what it had to leave out', () => {
    const options = new Map([...Array.from({ length: 9 }, (_, index) => [200 + index, Buffer.alloc(48, index + 1)] as const)]);
    const { bytes: overloaded, omitted } = encodeDhcp({ ...EMPTY_REQUEST, options }, 576);
    expect(omitted).toEqual([]);
    expect(decoded(overloaded).options).toEqual(options);
    expect(overloaded.length).toBeLessThanOrEqual(548);

    const full = encodeDhcp({ ...EMPTY_REQUEST, bootFile: 'x', options: new Map([...options, [210, Buffer.alloc(60)]]) }, 576);
    expect(full.omitted).not.toEqual([]);
    const kept = [...options.keys(), 210].filter((code) => !full.omitted.includes(code));
    expect([...decoded(full.bytes).options.keys()].sort()).toEqual(kept);
  });
});

describe('packets that are damaged or made to harm', () => {
  it('give a message or a problem in words, never an exception, and an answer can be decided', () => {
    const whole = Object.values(CLIENTS).map((options) => encodeDhcp(request({ type: 'discover', options }), 1500).bytes);
    const mutated = fc.tuple(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(1500), fc.nat(255)), { maxLength: 12 }), fc.nat(600)).map(([original, changes, cut]) => {
      const copy = Buffer.from(original);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, Math.max(0, copy.length - (cut > 300 ? 0 : cut)));
    });
    fc.assert(fc.property(fc.oneof(mutated, bytes(600)), (packet) => {
      const result = decodeDhcp(packet);
      if ('problem' in result) {
        expect(result.problem).toMatch(/\w/);
        return;
      }
      const answer = answerDhcp(pool(), result.message, { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' });
      if (answer.kind === 'reply') encodeDhcp(answer.message);
    }), { numRuns: 20_000 });
  });
});

describe("the npm package dhcp's codec, an independent one", () => {
  interface Oracle {
    parse(packet: Buffer): { xid: number; chaddr: string; yiaddr: string; siaddr: string; file: string; options: Record<number, unknown> };
  }
  const oracle = createRequire(import.meta.url)('dhcp/lib/protocol.js') as Oracle;

  it.each(['bios', 'linux', 'ipxe-bios'] as const)('reads the offer to %s as we meant it', (client) => {
    const answer = answerDhcp(pool(), request({ type: 'discover', options: CLIENTS[client].filter(([code]) => code !== OPTION.clientUuid) }), { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' });
    if (answer.kind === 'silence') throw new Error(answer.sentence);
    const options = new Map([...answer.message.options].filter(([code]) => code !== OPTION.ipxe));
    const read = oracle.parse(encodeDhcp({ ...answer.message, options }).bytes);
    expect(read).toMatchObject({ xid: 0x1234abcd, chaddr: '52-54-00-AA-00-01', yiaddr: '10.77.0.11', siaddr: '10.77.0.1', file: answer.message.bootFile });
    expect(read.options).toMatchObject({ 1: '255.255.255.0', 51: 0xffffffff, 53: 2, 54: '10.77.0.1' });
  });
});
