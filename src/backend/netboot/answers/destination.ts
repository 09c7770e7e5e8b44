/** Where a DHCP reply goes (RFC 2131 §4.1). Pure. */

import type { DhcpMessage } from '../dhcp/codec';
import { messageTypeOf } from '../dhcp/options';
import { ANY_ADDRESS, LIMITED_BROADCAST } from '../ipv4';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const SERVER_PORT = 67;
const CLIENT_PORT = 68;

/**
 * A client without an address is always answered by broadcast: a unicast to it would need an entry in the system's ARP
 * table that only a raw socket or root can make, and §4.1 allows the broadcast.
 */
export function replyDestination(reply: DhcpMessage): Endpoint {
  if (reply.relayAddress !== ANY_ADDRESS) return { address: reply.relayAddress, port: SERVER_PORT };
  if (reply.clientAddress !== ANY_ADDRESS && messageTypeOf(reply.options) !== 'nak') return { address: reply.clientAddress, port: CLIENT_PORT };
  return { address: LIMITED_BROADCAST, port: CLIENT_PORT };
}
