/** Replies to clients and relays that leave little room. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerDhcp } from '../../src/backend/netboot/answers/dhcp';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { OPTION, subOptionsOf, type DhcpOptions, type MessageType } from '../../src/backend/netboot/dhcp/options';
import { CLIENTS, pool, request } from './clients';

const OPTIONS_OFFSET = 240;
const filled = (length: number) => Buffer.alloc(length, 0x5a);

interface Asked {
  readonly client: keyof typeof CLIENTS;
  readonly type: MessageType;
  readonly dhcp: 'authoritative' | 'proxy';
  readonly clientIdentifier: number | undefined;
  readonly relayInformation: number | undefined;
  readonly maximumSize: number | undefined;
  /** Octets of the image's name, which makes the boot file of UEFI HTTP boot too long for its field. */
  readonly image: number;
}

/** Undefined: it is left to others. */
function replyTo({ client, type, dhcp, clientIdentifier, relayInformation, image }: Asked): DhcpMessage | undefined {
  const options = new Map<number, Buffer>(CLIENTS[client]);
  if (clientIdentifier !== undefined) options.set(OPTION.clientIdentifier, filled(clientIdentifier));
  if (relayInformation !== undefined) options.set(OPTION.relayAgentInformation, filled(relayInformation));
  const fields = { relayAddress: '10.77.0.200', hops: 1, clientAddress: type === 'request' ? '10.77.0.11' : '0.0.0.0' };
  const answer = answerDhcp(pool(dhcp), request({ type, fields, options: [...options] }), { address: '10.77.0.1', httpPort: 80, image: 'x'.repeat(image), port: 'dhcp' });
  return answer.kind === 'reply' ? answer.message : undefined;
}

function decoded(bytes: Buffer): DhcpMessage {
  const result = decodeDhcp(bytes);
  if ('problem' in result) throw new Error(result.problem);
  return result.message;
}

const anyAsked: fc.Arbitrary<Asked> = fc.record({
  client: fc.constantFrom(...(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])),
  type: fc.constantFrom('discover', 'request', 'inform'),
  dhcp: fc.constantFrom('authoritative', 'proxy'),
  clientIdentifier: fc.option(fc.integer({ min: 1, max: 255 }), { nil: undefined }),
  relayInformation: fc.option(fc.integer({ min: 1, max: 255 }), { nil: undefined }),
  maximumSize: fc.option(fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 560, max: 760 })), { nil: undefined }),
  image: fc.constantFrom(6, 90),
});

describe('whoever asks, and however much they send along', () => {
  const forEachReply = (check: (message: DhcpMessage, asked: Asked) => void) =>
    fc.assert(fc.property(anyAsked, (asked) => {
      const message = replyTo(asked);
      if (message) check(message, asked);
    }), { numRuns: 3_000 });

  it('the relay gets its option 82 back as it was, where relays look for it, and the message stays within the client’s size', () => {
    forEachReply((message, { maximumSize, relayInformation }) => {
      const { bytes } = encodeDhcp(message, maximumSize);
      expect(bytes.length).toBeLessThanOrEqual(Math.min(Math.max(576, maximumSize ?? 0), 1500) - 28);
      const main = subOptionsOf(bytes.subarray(OPTIONS_OFFSET));
      for (const code of [OPTION.messageType, OPTION.serverIdentifier]) expect(main.get(code)).toEqual(message.options.get(code));
      expect(main.get(OPTION.relayAgentInformation)).toEqual(relayInformation === undefined ? undefined : filled(relayInformation));
    });
  });

  it('what is left out has no room in any field, and would have none without what is less needed', () => {
    forEachReply((message, { maximumSize = 576 }) => {
      const { bytes, omitted } = encodeDhcp(message, maximumSize);
      const lessNeeded = [OPTION.hostName, OPTION.domainName, OPTION.broadcastAddress, ...repeatsIn(message)];
      for (const field of fieldsOf(bytes, message, maximumSize)) {
        for (const code of omitted) {
          const less = lessNeeded.slice(lessNeeded.indexOf(code) + 1).filter((each) => field.options.has(each));
          const room = field.left + less.reduce((sum, each) => sum + encodedLength(field.options, each), 0);
          expect(encodedLength(message.options, code), `option ${code}`).toBeGreaterThan(room);
        }
      }
    });
  });

  it('what was not left out is read back', () => {
    forEachReply((message, { maximumSize }) => {
      const { bytes, omitted } = encodeDhcp(message, maximumSize);
      expect(decoded(bytes)).toEqual({ ...message, options: new Map([...message.options].filter(([code]) => !omitted.includes(code))) });
    });
  });
});

it('a relayed DISCOVER with a long client identifier and option 82, and no option 57, gets everything', () => {
  const message = replyTo({ client: 'uefi', type: 'discover', dhcp: 'authoritative', clientIdentifier: 100, relayInformation: 130, maximumSize: undefined, image: 6 });
  if (!message) throw new Error('it got no answer');
  const { bytes, omitted } = encodeDhcp(message);
  expect(omitted).toEqual([]);
  expect(decoded(bytes)).toEqual(message);
  expect(bytes.length).toBeLessThanOrEqual(548);
});

/** Options 66 and 67 where they say what the fixed part says too, in no order. */
function repeatsIn({ bootFile }: DhcpMessage): readonly number[] {
  return bootFile === '' ? [OPTION.tftpServerName] : [OPTION.tftpServerName, OPTION.bootFileName];
}

function encodedLength(options: DhcpOptions, code: number): number {
  return 2 + (options.get(code)?.length ?? 0);
}

/** The options in each field, and the octets left there beside the end marker and, in the first, option 52. */
function fieldsOf(bytes: Buffer, message: DhcpMessage, maximumSize: number): readonly { readonly options: DhcpOptions; readonly left: number }[] {
  const main = subOptionsOf(bytes.subarray(OPTIONS_OFFSET));
  const overload = main.get(OPTION.overload)?.at(0) ?? 0;
  const field = (options: DhcpOptions, room: number) => ({ options, left: [...options.keys()].reduce((left, code) => left - encodedLength(options, code), room - 1) });
  const overloaded = (start: number, length: number, bit: number) => field(overload & bit ? subOptionsOf(bytes.subarray(start, start + length)) : new Map(), length);
  return [
    field(main, Math.min(Math.max(576, maximumSize), 1500) - 28 - OPTIONS_OFFSET - (overload ? 0 : 3)),
    ...(message.bootFile === '' ? [overloaded(108, 128, 1)] : []),
    overloaded(44, 64, 2),
  ];
}
