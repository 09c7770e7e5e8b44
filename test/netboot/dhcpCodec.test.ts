import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerDhcp } from '../../src/backend/netboot/answers/dhcp';
import { decodeDhcp, EMPTY_REQUEST, encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { OPTION, addressesValue, messageTypeValue, textValue, uint32Value } from '../../src/backend/netboot/dhcp/options';
import { CLIENTS, pool, request } from './clients';
import { anyBytes, anyEthernetMessage, anyIpv4, anyMessage, anyText } from './dhcpMessages';

const decoded = (input: Buffer): DhcpMessage => {
  const result = decodeDhcp(input);
  if ('problem' in result) throw new Error(result.problem);
  return result.message;
};

describe('encoding and decoding', () => {
  it('gives back every message whose options fit', () => {
    fc.assert(fc.property(anyMessage, (original) => {
      expect(decoded(encodeDhcp(original, 1500).bytes)).toEqual(original);
    }));
  });

  it('splits values over 255 octets and joins repeated options (RFC 3396)', () => {
    fc.assert(fc.property(anyBytes(900), (value) => {
      const options = new Map([[OPTION.vendorSpecific, value]]);
      expect(decoded(encodeDhcp({ ...EMPTY_REQUEST, options }, 1500).bytes).options).toEqual(options);
    }));
  });

  it('never sends more than the client takes, nor less than BOOTP had', () => {
    fc.assert(fc.property(anyMessage, fc.integer({ min: 0, max: 0xffff }), (original, maximum) => {
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
    fc.assert(fc.property(fc.oneof(mutated, anyBytes(600)), (packet) => {
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
  interface OracleMessage {
    op: number;
    htype: number;
    hlen: number;
    hops: number;
    xid: number;
    secs: number;
    flags: number;
    ciaddr: string;
    yiaddr: string;
    siaddr: string;
    giaddr: string;
    chaddr: string;
    sname: string;
    file: string;
    options: Record<number, unknown>;
  }
  interface Oracle {
    parse(packet: Buffer): OracleMessage;
    format(message: OracleMessage): { readonly _data: Buffer; readonly _w: number };
  }
  const oracle = createRequire(import.meta.url)('dhcp/lib/protocol.js') as Oracle;

  /** What both can say: Ethernet, and the options whose kind of value it knows, each in our bytes and in its words. */
  const exchange = fc
    .record({
      message: anyEthernetMessage,
      type: fc.constantFrom('discover', 'offer', 'request', 'ack', 'nak'),
      mask: anyIpv4,
      routers: fc.array(anyIpv4, { minLength: 1, maxLength: 4 }),
      hostName: anyText(40, 1),
      lease: fc.nat(0xffffffff),
      server: anyIpv4,
    })
    .map(({ message, type, mask, routers, hostName, lease, server }) => {
      const words: Record<number, unknown> = { 1: mask, 3: routers, 12: hostName, 51: lease, 53: messageTypeValue(type)[0], 54: server };
      const options = new Map<number, Buffer>([
        [OPTION.subnetMask, addressesValue([mask])],
        [OPTION.router, addressesValue(routers)],
        [OPTION.hostName, textValue(hostName)],
        [OPTION.leaseTime, uint32Value(lease)],
        [OPTION.messageType, messageTypeValue(type)],
        [OPTION.serverIdentifier, addressesValue([server])],
      ]);
      return { ours: { ...message, options }, theirs: inItsWords(message, words) };
    });

  function inItsWords(message: DhcpMessage, options: Record<number, unknown>): OracleMessage {
    return {
      op: message.op === 'request' ? 1 : 2,
      htype: 1,
      hlen: 6,
      hops: message.hops,
      xid: message.transactionId,
      secs: message.seconds,
      flags: message.broadcast ? 0x8000 : 0,
      ciaddr: message.clientAddress,
      yiaddr: message.yourAddress,
      siaddr: message.nextServer,
      giaddr: message.relayAddress,
      chaddr: message.hardwareAddress.toUpperCase().replaceAll(':', '-'),
      sname: message.serverName,
      file: message.bootFile,
      options,
    };
  }

  it('reads what ours writes', () => {
    fc.assert(fc.property(exchange, ({ ours, theirs }) => {
      expect(oracle.parse(encodeDhcp(ours, 1500).bytes)).toMatchObject(theirs);
    }));
  });

  it('writes what ours reads', () => {
    fc.assert(fc.property(exchange, ({ ours, theirs }) => {
      const { _data: bytes, _w: length } = oracle.format(theirs);
      const read = decoded(bytes.subarray(0, length));
      // It writes options by their numbers.
      expect({ ...read, options: [...read.options].sort(([a], [b]) => a - b) }).toEqual({ ...ours, options: [...ours.options].sort(([a], [b]) => a - b) });
    }));
  });

  it.each(['bios', 'linux', 'ipxe-bios'] as const)('reads the offer to %s as we meant it', (client) => {
    const answer = answerDhcp(pool(), request({ type: 'discover', options: CLIENTS[client].filter(([code]) => code !== OPTION.clientUuid) }), { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' });
    if (answer.kind === 'silence') throw new Error(answer.sentence);
    const options = new Map([...answer.message.options].filter(([code]) => code !== OPTION.ipxe));
    const read = oracle.parse(encodeDhcp({ ...answer.message, options }).bytes);
    expect(read).toMatchObject({ xid: 0x1234abcd, chaddr: '52-54-00-AA-00-01', yiaddr: '10.77.0.11', siaddr: '10.77.0.1', file: answer.message.bootFile });
    expect(read.options).toMatchObject({ 1: '255.255.255.0', 51: 0xffffffff, 53: 2, 54: '10.77.0.1' });
  });
});
