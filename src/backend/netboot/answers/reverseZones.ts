/**
 * Which reverse zone (RFC 1035 §3.5) a name lies in, of those that the subnet fills. Pure.
 *
 * Zones end where labels do: a /16 is one zone, a /20 is sixteen, one for each of its /24s. In a subnet smaller than a /24
 * each address is a zone of its own, as they are delegated without RFC 2317's aliases: the rest of that /24 is somebody
 * else's. Its SOA would claim it, and a resolver that was sent here for one address would throw that SOA away.
 */

import { formatIpv4, inSubnet, parseIpv4, type Subnet } from '../ipv4';

export interface ReverseName {
  /** Name of the zone, in lower case and without a dot at its end. */
  readonly zone: string;
  /** The name's labels the other way round, `in-addr.arpa` left out: `10.77.0.11`, of a name between the zones and the addresses `10.77.0`. */
  readonly dotted: string;
}

const SUFFIX = '.in-addr.arpa';
const ADDRESS_OCTETS = 4;

/** `name` in lower case and without a dot at its end. Undefined: in none of the subnet's zones. */
export function reverseNameOf(name: string, subnet: Subnet): ReverseName | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const labels = name.slice(0, -SUFFIX.length).split('.').reverse();
  const zoneOctets = Math.ceil(subnet.prefixLength / 8);
  if (labels.length < zoneOctets) return undefined;
  const octets = labels.slice(0, zoneOctets);
  const firstAddress = [...octets, '0', '0', '0'].slice(0, ADDRESS_OCTETS).join('.');
  const value = parseIpv4(firstAddress);
  // A label with zeros before its number is another name.
  if (value === undefined || formatIpv4(value) !== firstAddress || !inSubnet(firstAddress, subnet)) return undefined;
  return { zone: octets.reverse().join('.') + SUFFIX, dotted: labels.join('.') };
}
