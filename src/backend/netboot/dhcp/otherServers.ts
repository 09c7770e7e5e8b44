/**
 * Looks for other DHCP servers on the network: asks as a relay would, in the name of a machine that doesn't exist, so that the
 * answers come back to our own port (RFC 2131 §4.1). Asked in two ways at once:
 *
 * - INFORM, which servers answer at once: it takes no address. dnsmasq, Kea and most routers are found within milliseconds.
 * - DISCOVER, for those that pass an INFORM over (ISC's dhcpd unless told that it is authoritative). They may first try by a
 *   ping whether the address is free: one second in dhcpd, three in dnsmasq. No lease is taken: an offer that isn't requested
 *   lapses, and since it is always the same machine that asks, it is always the same offer.
 */

import { ANY_ADDRESS, LIMITED_BROADCAST } from '../ipv4';
import type { Clock, Random } from '../../system';
import { encodeDhcp, EMPTY_REQUEST, type DhcpMessage } from './codec';
import { addressOf, messageTypeOf, messageTypeValue, OPTION, textOf, type MessageType } from './options';

export interface LookoutOptions {
  /** Ours; the answers come here. */
  readonly address: string;
  readonly send: (bytes: Buffer, address: string) => void;
  /** At the beginning of each look. */
  readonly onLook: () => void;
  /** Once for each server in each look, when it is heard. `sender`: the address its packet came from. */
  readonly onFound: (server: string, sender: string) => void;
  /** At the end of a look that found none. */
  readonly onNone: () => void;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked after each look: how long until the next. */
  readonly nextLookMs: () => number;
}

export interface Lookout {
  /** Takes every message that comes to port 67; true when it concerns a look, and nobody else. */
  take(message: DhcpMessage, sender: string): boolean;
  /** Looks now, and goes on from there. */
  again(): void;
  /** The same for a hint of another server, but for a while after a look: whoever makes up hints shall not have us ask all the time. */
  soon(): void;
  close(): void;
}

/** In whose name is asked: locally administered, as no real card is ("PXEN" in the middle). */
export const PROBE_MAC = '02:50:58:45:4e:00';

/** The pings mentioned above, and some. */
export const LOOK_MS = 5_000;

const HINTS_PASSED_OVER_MS = 60_000;

/** In one look: whoever answers in many names shall not keep us busy. */
const MOST_FOUND = 8;

/** Looks at once, and again each `nextLookMs`. */
export function openLookout({ address, send, onLook, onFound, onNone, clock, random, nextLookMs }: LookoutOptions): Lookout {
  let transactionId = 0;
  let lookedAtMs = -Infinity;
  let found = new Set<string>();
  let cancel: () => void = () => undefined;

  const look = () => {
    cancel();
    onLook();
    lookedAtMs = clock.now();
    transactionId = random(4).readUInt32BE(0);
    found = new Set();
    for (const type of ['inform', 'discover'] as const) send(encodeDhcp(probe(type, address, transactionId)).bytes, LIMITED_BROADCAST);
    cancel = clock.after(LOOK_MS, () => {
      if (found.size === 0) onNone();
      cancel = clock.after(nextLookMs(), look);
    });
  };
  look();
  return {
    take: (message, sender) => {
      if (message.hardwareAddress !== PROBE_MAC || message.transactionId !== transactionId || message.relayAddress !== address) return false;
      const server = serverOf(message, sender);
      if (server !== undefined && server !== address && !found.has(server) && found.size < MOST_FOUND) {
        found.add(server);
        onFound(server, sender);
      }
      return true;
    },
    again: look,
    soon: () => {
      if (clock.now() - lookedAtMs >= HINTS_PASSED_OVER_MS) look();
    },
    close: () => cancel(),
  };
}

function probe(type: MessageType, address: string, transactionId: number): DhcpMessage {
  return {
    ...EMPTY_REQUEST,
    hops: 1,
    transactionId,
    // An INFORM comes from a machine that has an address; of which network shows in the relay's.
    clientAddress: type === 'inform' ? address : ANY_ADDRESS,
    relayAddress: address,
    hardwareAddress: PROBE_MAC,
    options: new Map([[OPTION.messageType, messageTypeValue(type)]]),
  };
}

/** Who gives addresses, or the settings that go with one; a proxy gives neither and is in nobody's way. */
function serverOf(message: DhcpMessage, sender: string): string | undefined {
  if (message.op !== 'reply' || textOf(message.options, OPTION.vendorClass)?.startsWith('PXEClient') === true) return undefined;
  const type = messageTypeOf(message.options);
  const gives = type === 'offer' ? message.yourAddress !== ANY_ADDRESS : type === 'ack';
  return gives ? (addressOf(message.options, OPTION.serverIdentifier) ?? sender) : undefined;
}
