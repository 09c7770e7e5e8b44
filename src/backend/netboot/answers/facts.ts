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
  let byMac = INDEXES.get(model);
  if (!byMac) INDEXES.set(model, (byMac = new Map(model.hosts.flatMap((host) => host.macs.map((each) => [each, host])))));
  return byMac.get(mac);
}

/** Asked with every packet, of thousands of hosts. A model never changes, so this is only a memory of what follows from it. */
const INDEXES = new WeakMap<PoolModel, ReadonlyMap<string, HostModel>>();

/** How a host is named in sentences: `node1 (52:54:00:aa:00:01)`. */
export function nameOfHost(host: HostModel, mac: string): string {
  return `${host.name} (${mac})`;
}
