/** Addresses: inside the subnet, free for a machine, each used once. */

import * as problems from '../problems';
import type { Problem } from '../problems';
import { formatAddress, parseAddress, parseSubnet } from './addresses';
import { clashes, type Use } from './duplicates';
import type { SpecPool } from './pool';
import { rangeProblems } from './range';

export function networkProblems(pool: SpecPool): readonly Problem[] {
  const cluster = pool.clusters[0];
  const hosts = pool.hosts.map(({ model, places }): Use => ({ key: model.address, place: () => places.value(['address']), owner: `host ${model.name}` }));
  if (!cluster) return duplicates(pool, hosts);

  const { network } = cluster.model;
  const subnetPlace = () => cluster.places.value(['network', 'subnet']);
  const server: Use = { key: network.server, place: () => cluster.places.value(['network', 'server']), owner: 'the boot server' };
  // The boot server may well be the router too: those two are not compared with each other.
  const gateway: Use[] = network.gateway === undefined || network.gateway === network.server ? [] : [{ key: network.gateway, place: () => cluster.places.value(['network', 'gateway']), owner: 'the gateway' }];
  const machines = [server, ...gateway, ...hosts];

  const range = rangeProblems(cluster, machines, pool.describe);
  const subnet = parseSubnet(network.subnet);
  const networkAddress = formatAddress(subnet.network);
  const others = [...duplicates(pool, machines), ...range.problems, ...forwarderProblems(cluster)];
  if (networkAddress !== subnet.address) return [problems.subnetHostBits(subnetPlace(), network.subnet, `${networkAddress}/${subnet.prefixLength}`), ...others];
  return [...[...machines, ...range.ends].flatMap((machine) => misplaced(machine, network.subnet, () => pool.describe(subnetPlace())) ?? []), ...others];
}

/** `nameservers` usually names the boot server, and is easily copied. */
function forwarderProblems({ model: { network }, places }: SpecPool['clusters'][number]): readonly Problem[] {
  return (network.forwarders ?? []).flatMap((address, index) => (address === network.server ? problems.forwarderSelf(places.value(['network', 'forwarders', index]), address) : []));
}

function duplicates(pool: SpecPool, machines: readonly Use[]): readonly Problem[] {
  return clashes(machines, (use, other) => problems.addressDuplicate(use.place(), use.key, other.owner, pool.describe(other.place())));
}

function misplaced({ key: address, place }: Use, cidr: string, subnetPlace: () => string): Problem | undefined {
  const subnet = parseSubnet(cidr);
  const value = parseAddress(address);
  if (value < subnet.network || value > subnet.broadcast) return problems.addressOutside(place(), address, cidr, subnetPlace());
  if (value === subnet.network) return problems.addressReserved(place(), address, 'network', cidr);
  if (value === subnet.broadcast) return problems.addressReserved(place(), address, 'broadcast', cidr);
  return undefined;
}
