/** Who asks over IP: a machine says a MAC, and its packets have an address. How far each is to be believed. Pure. */

import type { HostModel, PoolModel } from '../../drive/model';
import { hostOfAddress, hostOfMac, nameOfHost } from './facts';

export interface AskerInputs {
  readonly model: PoolModel;
  /** As the request says it, in canonical form; anything else is no host's. */
  readonly mac: string;
  /** Where the request comes from; undefined where that isn't known. */
  readonly address: string | undefined;
  /** While `network.dhcp` is `authoritative` every machine has its address from us: no other DHCP server is served beside, and this is no lab. */
  readonly onlyServer: boolean;
}

/**
 * `host`: it is taken for this host; `isProven` when the address is the host's own. Where that can't be relied upon (another
 * DHCP server gives the addresses, or a lab has all machines at one) the MAC is believed, and the name tells the address.
 * `other`: whatever it says, it is not this host, or it is no host at all.
 * `name`: in sentences.
 */
export type Asker =
  | { readonly kind: 'host'; readonly host: HostModel; readonly mac: string; readonly isProven: boolean; readonly name: string }
  | { readonly kind: 'other'; readonly claims?: { readonly host: HostModel; readonly mac: string }; readonly name: string };

export function askerOf({ model, mac, address, onlyServer }: AskerInputs): Asker {
  const claimed = hostOfMac(model, mac);
  const holder = address === undefined ? undefined : hostOfAddress(model, address);
  if (claimed === undefined) return holder ? hostAsker(holder, holder.macs[0]) : { kind: 'other', name: address ?? 'a machine whose address is unknown' };
  if (claimed === holder) return hostAsker(claimed, mac);
  const from = address ?? 'an unknown address';
  // A host has the one that we gave it, also behind a relay. Whoever comes from elsewhere is someone else, or hidden by a router that translates.
  if (onlyServer && model.cluster.network.dhcp === 'authoritative') return { kind: 'other', claims: { host: claimed, mac }, name: holder ? `${holder.name} (${from})` : from };
  return { kind: 'host', host: claimed, mac, isProven: false, name: `${claimed.name} (${mac}, from ${from})` };
}

function hostAsker(host: HostModel, mac: string): Asker {
  return { kind: 'host', host, mac, isProven: true, name: nameOfHost(host, mac) };
}
