/** DHCP options for people: their names and values in words. Pure. */

import { readIpv4 } from '../ipv4';
import { INFINITE_LEASE, messageTypeOf, OPTION, subOptionsOf, type DhcpOptions } from './options';

export interface OptionWords {
  readonly code: number;
  readonly name: string;
  readonly value: string;
}

/** In the order of the wire. */
export function describeOptions(options: DhcpOptions): readonly OptionWords[] {
  return [...options].map(([code, value]) => {
    const known = KNOWN.get(code);
    return { code, name: known?.name ?? 'unknown', value: (known?.show ?? hex)(value) };
  });
}

interface Known {
  readonly name: string;
  readonly show: (value: Buffer) => string;
}

const text = (value: Buffer) => value.toString('latin1').replace(/\0+$/, '').replace(/[^ -~]/g, '?');
const hex = (value: Buffer) => value.toString('hex');
const addresses = (value: Buffer) => Array.from({ length: value.length >> 2 }, (_, index) => readIpv4(value, index * 4)).join(', ');

const KNOWN: ReadonlyMap<number, Known> = new Map<number, Known>([
  [OPTION.subnetMask, { name: 'subnet mask', show: addresses }],
  [OPTION.router, { name: 'router', show: addresses }],
  [OPTION.domainNameServers, { name: 'DNS servers', show: addresses }],
  [OPTION.hostName, { name: 'host name', show: text }],
  [OPTION.domainName, { name: 'domain name', show: text }],
  [OPTION.broadcastAddress, { name: 'broadcast address', show: addresses }],
  [OPTION.vendorSpecific, { name: 'PXE vendor options', show: subOptions }],
  [OPTION.leaseTime, { name: 'lease time', show: seconds }],
  [OPTION.messageType, { name: 'message type', show: (value) => messageTypeOf(new Map([[OPTION.messageType, value]])) ?? hex(value) }],
  [OPTION.serverIdentifier, { name: 'server identifier', show: addresses }],
  [OPTION.message, { name: 'message', show: text }],
  [OPTION.vendorClass, { name: 'vendor class', show: text }],
  [OPTION.clientIdentifier, { name: 'client identifier', show: hex }],
  [OPTION.tftpServerName, { name: 'TFTP server name', show: text }],
  [OPTION.bootFileName, { name: 'boot file name', show: text }],
  [OPTION.relayAgentInformation, { name: 'relay agent information', show: hex }],
  [OPTION.clientUuid, { name: 'machine UUID', show: hex }],
  [OPTION.ipxe, { name: 'iPXE options', show: subOptions }],
]);

function subOptions(value: Buffer): string {
  return [...subOptionsOf(value)].map(([code, part]) => `${code}=${hex(part)}`).join(' ');
}

function seconds(value: Buffer): string {
  if (value.length !== 4) return hex(value);
  const count = value.readUInt32BE(0);
  return count === INFINITE_LEASE ? 'for ever' : `${count} seconds`;
}
