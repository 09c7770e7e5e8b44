/**
 * This machine's interfaces. `os.networkInterfaces()` leaves out those whose link is down, though Linux keeps their addresses
 * and lets us listen there: after a power cut the switch may be the last to come up.
 */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os, { type NetworkInterfaceInfo } from 'node:os';
import path from 'node:path';
import { formatIpv4, inSubnet, parseSubnet, type Subnet } from './ipv4';

/** As `os.networkInterfaces()` gives them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Those that run, and where Linux tells also the IPv4 addresses of those whose link is down. */
export function machineInterfaces(running: Interfaces = os.networkInterfaces(), procNet = '/proc/net'): Interfaces {
  const known = new Set(Object.values(running).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)));
  const missing = localAddresses(textOrNothing(path.join(procNet, 'fib_trie'))).filter((address) => !known.has(address));
  const all = { ...running };
  const networks = missing.length === 0 ? [] : connectedNetworks(textOrNothing(path.join(procNet, 'route')));
  for (const address of missing) {
    const at = networks.find(({ subnet }) => inSubnet(address, subnet));
    if (!at) continue;
    const { mask, prefixLength } = at.subnet;
    all[at.name] = [...(all[at.name] ?? []), { address, netmask: mask, family: 'IPv4', mac: NO_MAC, internal: false, cidr: `${address}/${prefixLength}` }];
  }
  return all;
}

/** What os gives where there is none; nobody asks for it here. */
const NO_MAC = '00:00:00:00:00:00';

/** An address is the leaf `|-- ADDRESS` above the line `/32 host LOCAL`. */
function localAddresses(trie: string): readonly string[] {
  return [...new Set([...trie.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL$/gm)].map(([, address = '']) => address))];
}

/** The narrowest first. Rows are `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, addresses in the machine's own order of bytes. */
function connectedNetworks(routes: string): readonly { readonly name: string; readonly subnet: Subnet }[] {
  const addressOf = (hex: string) => {
    const value = Number.parseInt(hex, 16);
    return formatIpv4(os.endianness() === 'LE' ? Buffer.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24).readUInt32BE() : value);
  };
  return routes
    .split('\n')
    .slice(1)
    .flatMap((row) => {
      const [name = '', destination = '', gateway = '', , , , , mask = ''] = row.trim().split(/\s+/);
      // A default route of a dial-up link has no gateway either, and is no network.
      if (mask === '' || /^0+$/.test(mask) || !/^0+$/.test(gateway)) return [];
      const length = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
      return [{ name, subnet: parseSubnet(`${addressOf(destination)}/${length}`) }];
    })
    .sort((one, other) => other.subnet.prefixLength - one.subnet.prefixLength);
}

/** False when its cable or switch is off, or all ports of a bridge are; true also where the system doesn't tell (sysfs, carrier). */
export async function isLinkUp(name: string): Promise<boolean> {
  return (await readFile(`/sys/class/net/${name}/carrier`, 'utf8').catch(() => '')).trim() !== '0';
}

function textOrNothing(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
