/** Between the machine's terms and those of others: netboot's events in, changes for those who watch out. Pure. */

import type { PoolEvent } from '../../protocol';
import type { NetbootEvent } from '../netboot/server';
import { hostStatus, type PoolInput, type PoolState, vmStatus } from './machine';

/** What an exchange with a booting host tells the machine; undefined: nothing. */
export function inputOf(event: NetbootEvent): (PoolInput & { readonly host: string }) | undefined {
  const { host } = event;
  if (host === undefined) return undefined;
  switch (event.kind) {
    case 'dhcp':
      return { kind: 'dhcp', host, client: event.client };
    case 'bootloader':
    case 'script':
    case 'hello':
      return { kind: event.kind, host };
    case 'image':
      return { kind: 'image', host, file: event.file, bytesSent: event.bytesSent, bytesTotal: event.bytesTotal };
    case 'refused':
      return undefined;
  }
}

/** One event for each host and VM that looks different now. */
export function changesBetween(before: PoolState, after: PoolState, at: string): readonly PoolEvent[] {
  const hosts = changed(before.hosts, after.hosts, (host) => hostStatus(host, after.config.timing)).map((host): PoolEvent => ({ event: 'host', at, host }));
  const vms = changed(before.vms, after.vms, vmStatus).map((vm): PoolEvent => ({ event: 'vm', at, vm }));
  return [...hosts, ...vms];
}

/** States share what didn't change, so most entries are told apart by identity alone. */
function changed<Node, Status>(before: ReadonlyMap<string, Node>, after: ReadonlyMap<string, Node>, statusOf: (node: Node) => Status): readonly Status[] {
  return [...after].flatMap(([name, node]) => {
    const former = before.get(name);
    if (former === node) return [];
    const status = statusOf(node);
    return former !== undefined && JSON.stringify(statusOf(former)) === JSON.stringify(status) ? [] : [status];
  });
}
