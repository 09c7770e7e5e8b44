/** Which addresses are on a network of this machine's. */

import type { Clock } from '../../system';
import { inSubnet, parseSubnet, type Subnet } from '../ipv4';
import { machineInterfaces } from '../machineInterfaces';

/** Interfaces come and go; looking for each packet would cost more than answering it. */
const LOOK_EVERY_MS = 10_000;

export function createLocalNetworks(clock: Clock): (address: string) => boolean {
  let networks: readonly Subnet[] = [];
  let lookedAtMs = -Infinity;
  return (address) => {
    const now = clock.now();
    if (now - lookedAtMs > LOOK_EVERY_MS || now < lookedAtMs) {
      lookedAtMs = now;
      networks = Object.values(machineInterfaces()).flatMap((entries) => entries?.flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [parseSubnet(cidr)] : [])) ?? []);
    }
    return networks.some((network) => inSubnet(address, network));
  };
}
