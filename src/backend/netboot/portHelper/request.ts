/** What passes between the backend, which runs as the user, and the port helper, which runs as root. Pure. */

import { LIMITED_BROADCAST } from '../ipv4';
import type { PortOwner, Transport } from '../portOwner';

export interface PortRequest {
  readonly id: number;
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  /** Another process has the port on other interfaces, and shares it (socket(7), SO_REUSEADDR). */
  readonly isShared: boolean;
}

/** Carries the socket beside it, unless there is a problem. */
export interface PortReply {
  readonly id: number;
  readonly problem?: PortProblem;
}

export interface PortProblem {
  /** The system's, like `EADDRINUSE`, or `EPERM` for what the helper doesn't do. */
  readonly code: string;
  readonly message: string;
  readonly owner?: PortOwner;
}

/** The boot server's ports below 1024. */
const PORTS: Readonly<Record<Transport, readonly number[]>> = { udp: [53, 67, 69], tcp: [53, 80] };

/**
 * The request, if it has the one shape there is and asks for what a boot server needs: its own ports, on an address of this
 * machine (`local`), or DHCP's on the limited broadcast address. Never on all addresses, and only DHCP's is shared.
 */
export function allowedRequest(message: unknown, local: readonly string[]): PortRequest | undefined {
  if (typeof message !== 'object' || message === null || Object.keys(message).length !== 5) return undefined;
  const { id, transport, address, port, isShared } = message as Partial<Record<string, unknown>>;
  if (typeof id !== 'number' || (transport !== 'udp' && transport !== 'tcp')) return undefined;
  if (typeof port !== 'number' || !PORTS[transport].includes(port) || typeof address !== 'string') return undefined;
  const isDhcp = transport === 'udp' && port === 67;
  if (typeof isShared !== 'boolean' || (isShared && !isDhcp)) return undefined;
  const isHeardAt = local.includes(address) || (address === LIMITED_BROADCAST && isDhcp);
  return isHeardAt ? { id, transport, address, port, isShared } : undefined;
}
