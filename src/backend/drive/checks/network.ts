/** Addresses: inside the subnet, free for a machine, each used once. */

import * as problems from '../problems';
import type { Problem } from '../problems';
import { clashes, type Use } from './duplicates';
import type { SpecPool } from './pool';

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

  const subnet = parseSubnet(network.subnet);
  const networkAddress = formatAddress(subnet.network);
  if (networkAddress !== subnet.address) return [problems.subnetHostBits(subnetPlace(), network.subnet, `${networkAddress}/${subnet.prefixLength}`), ...duplicates(pool, machines)];
  return [...machines.flatMap((machine) => misplaced(machine, network.subnet, () => pool.describe(subnetPlace())) ?? []), ...duplicates(pool, machines)];
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

/** The schema has checked the form: four decimal bytes and a length from 8 to 30. */
function parseSubnet(cidr: string) {
  const [address = '', length = ''] = cidr.split('/');
  const prefixLength = Number(length);
  const size = 2 ** (32 - prefixLength);
  const network = Math.floor(parseAddress(address) / size) * size;
  return { address, prefixLength, network, broadcast: network + size - 1 };
}

function parseAddress(address: string): number {
  return address.split('.').reduce((value, byte) => value * 256 + Number(byte), 0);
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
