/**
 * Looks for other DHCP servers on the network: asks for an address in the name of a machine that doesn't exist, as a relay
 * would, so that the offers come back to our own port (RFC 2131 §4.1). Nobody's lease is taken: an offer that isn't requested
 * lapses.
 */

import { ANY_ADDRESS, LIMITED_BROADCAST } from '../ipv4';
import type { Clock, Random } from '../../system';
import { encodeDhcp, EMPTY_REQUEST, type DhcpMessage } from './codec';
import { addressOf, messageTypeOf, messageTypeValue, OPTION } from './options';

/** How the network is served beside us. */
export type OtherServers = { readonly kind: 'found'; readonly server: string } | { readonly kind: 'none' };

export interface LookoutOptions {
  /** Ours; the offers come here. */
  readonly address: string;
  readonly send: (bytes: Buffer, address: string) => void;
  /** Once for each server after each look, or `none` when nobody answered in time. */
  readonly onResult: (result: OtherServers) => void;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Lookout {
  /** Takes every message that comes to port 67; true when it concerns a look, and nobody else. */
  take(message: DhcpMessage): boolean;
  close(): void;
}

const LOOK_EVERY_MS = 10 * 60_000;
/** Servers first try the address they are about to offer by a ping, which takes up to three seconds. */
const WAIT_MS = 5_000;

/** Looks at once, then every ten minutes. */
export function openLookout({ address, send, onResult, clock, random }: LookoutOptions): Lookout {
  let transactionId = 0;
  let found = new Set<string>();
  let cancel: () => void = () => undefined;

  const look = () => {
    const probe = probeRequest(address, random);
    transactionId = probe.transactionId;
    found = new Set();
    send(encodeDhcp(probe).bytes, LIMITED_BROADCAST);
    cancel = clock.after(WAIT_MS, () => {
      if (found.size === 0) onResult({ kind: 'none' });
      cancel = clock.after(LOOK_EVERY_MS - WAIT_MS, look);
    });
  };
  look();
  return {
    take: (message) => {
      if (message.transactionId !== transactionId || message.relayAddress !== address) return false;
      const server = offerer(message);
      if (server !== undefined && server !== address && !found.has(server)) {
        found.add(server);
        onResult({ kind: 'found', server });
      }
      return true;
    },
    close: () => cancel(),
  };
}

function probeRequest(address: string, random: Random): DhcpMessage {
  const bytes = random(9);
  // Locally administered, as no real card is.
  const hardwareAddress = ['02', ...Array.from(bytes.subarray(0, 5), (byte) => byte.toString(16).padStart(2, '0'))].join(':');
  return {
    ...EMPTY_REQUEST,
    hops: 1,
    transactionId: bytes.readUInt32BE(5),
    relayAddress: address,
    hardwareAddress,
    options: new Map([[OPTION.messageType, messageTypeValue('discover')]]),
  };
}

/** Who offers an address; a proxy offers none and is in nobody's way. */
function offerer(message: DhcpMessage): string | undefined {
  if (message.op !== 'reply' || messageTypeOf(message.options) !== 'offer' || message.yourAddress === ANY_ADDRESS) return undefined;
  return addressOf(message.options, OPTION.serverIdentifier) ?? (message.nextServer === ANY_ADDRESS ? undefined : message.nextServer);
}
