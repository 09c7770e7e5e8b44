/** Where the boot server listens and how its packets reach machines. The lab differs from a real network only here. */

import type { HelperCommand } from './portHelper/command';

export interface NetbootEndpoints {
  /** Address to bind; the network's `server`, or loopback in the simulated lab. */
  readonly bindAddress: string;
  /** The interface it serves on, when there is one to bind to. */
  readonly interface?: string;
  /** Port 0 asks for a free one; `BootServer.ports` tells which it got. */
  readonly ports: NetbootPorts;
  /** nginx has the HTTP port, and asks for what it doesn't serve itself here. The UDP port of that number hears its log. */
  readonly httpUpstream?: { readonly address: string; readonly port: number };
  /** Every TFTP transfer from the listening port; otherwise each has a port of its own. */
  readonly tftpSinglePort?: boolean;
  /**
   * `rfc2131`: replies go where RFC 2131 §4.1 says (giaddr, ciaddr, broadcast).
   * `to-source`: replies go to the packet's source, as on port 4011; for clients without a network of their own.
   */
  readonly dhcpReplies: 'rfc2131' | 'to-source';
  /** Started when a port is kept for root; absent: that is an error. */
  readonly portHelper?: HelperCommand;
}

export interface NetbootPorts {
  readonly dhcp: number;
  readonly proxyDhcp: number;
  readonly tftp: number;
  readonly http: number;
  readonly dns: number;
}

/** Where machines find what is served, as `ADDRESS:PORT` by service; port 0 stands for what isn't. `ports` are those that are open. */
export function servedAddresses(endpoints: Pick<NetbootEndpoints, 'bindAddress' | 'ports' | 'httpUpstream'>, ports: NetbootPorts): Readonly<Record<string, string>> {
  // nginx's.
  const reached = endpoints.httpUpstream ? { ...ports, http: endpoints.ports.http } : ports;
  return Object.fromEntries(Object.entries(reached).filter(([, port]) => port !== 0).map(([service, port]) => [service, `${endpoints.bindAddress}:${port}`]));
}

export const STANDARD_PORTS: NetbootPorts = { dhcp: 67, proxyDhcp: 4011, tftp: 69, http: 80, dns: 53 };
