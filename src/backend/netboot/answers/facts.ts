/** What an answer depends on beside the model and the request. Plain values. */

import type { HostModel, PoolModel } from '../../drive/model';

export interface ServerFacts {
  /** The address machines reach this boot server at. */
  readonly address: string;
  /** Port of the HTTP server there. */
  readonly httpPort: number;
  /** Name of the image to boot. */
  readonly image: string;
}

/** `http://10.77.0.1`, with the port unless it is 80. Firmware dislikes a port that needn't be there. */
export function httpBase(facts: Pick<ServerFacts, 'address' | 'httpPort'>): string {
  return facts.httpPort === 80 ? `http://${facts.address}` : `http://${facts.address}:${facts.httpPort}`;
}

export function hostOfMac(model: PoolModel, mac: string): HostModel | undefined {
  return indexOf(model).byMac.get(mac);
}

export function hostOfAddress(model: PoolModel, address: string): HostModel | undefined {
  return indexOf(model).byAddress.get(address);
}

interface Index {
  readonly byMac: ReadonlyMap<string, HostModel>;
  readonly byAddress: ReadonlyMap<string, HostModel>;
}

function indexOf(model: PoolModel): Index {
  const known = INDEXES.get(model);
  if (known) return known;
  const { hosts } = model;
  const index = { byMac: new Map(hosts.flatMap((host) => host.macs.map((mac) => [mac, host]))), byAddress: new Map(hosts.map((host) => [host.address, host])) };
  INDEXES.set(model, index);
  return index;
}

/** Asked with every packet, of thousands of hosts. A model never changes, so this is only a memory of what follows from it. */
const INDEXES = new WeakMap<PoolModel, Index>();

/** How a host is named in sentences: `node1 (52:54:00:aa:00:01)`. */
export function nameOfHost(host: HostModel, mac: string): string {
  return `${host.name} (${mac})`;
}
