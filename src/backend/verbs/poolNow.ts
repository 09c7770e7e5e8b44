/** What is, as far as a backend that works on the drive knows. Nobody else is asked: hosts may be off, and a question mustn't take minutes. */

import path from 'node:path';
import type { HostStatus, PoolSnapshot, VmStatus } from '../../protocol';
import { EMPTY_INVENTORY, type HostInventory, type Inventory } from '../placement/inputs';
import { findBackend } from '../pool/claim';
import { attachTo } from '../pool/rpc';
import type { Clock } from '../system';
import type { VerbIo } from './io';

export interface PoolNow {
  readonly inventory: Inventory;
  /** Where the placement of what runs is written down: a lab has a folder of its own. */
  readonly stateFolder: string;
}

/** Empty, with the drive's own state, when no backend works on the drive, or it doesn't answer, which is told. */
export async function poolNow(root: string, clock: Clock, io: VerbIo): Promise<PoolNow> {
  const own = path.join(root, 'state');
  for (const stateFolder of [own, path.join(own, 'lab')]) {
    const record = await findBackend(stateFolder, clock);
    if (record === undefined) continue;
    try {
      const backend = await attachTo(record, clock, () => undefined);
      try {
        return { stateFolder, inventory: inventoryOf(await backend.request('pool/status', { drive: root }, io.signal)) };
      } finally {
        backend.close();
      }
    } catch (error) {
      if (io.signal.aborted) throw error;
      io.err(`The backend that works on this drive (process ${record.pid}) can't be asked what runs: ${error instanceof Error ? error.message : String(error)}. Planned as if nothing ran.\n`);
    }
  }
  return { stateFolder: own, inventory: EMPTY_INVENTORY };
}

/** Hosts that are off or on their way up count as their specs describe them: they may well come up. */
export function inventoryOf({ hosts, vms }: PoolSnapshot): Inventory {
  return {
    hosts: Object.fromEntries(hosts.flatMap((host) => (host.state === 'failed' || host.state === 'ready' ? [[host.name, hostInventory(host)]] : []))),
    disks: {},
    running: Object.fromEntries(vms.flatMap((vm) => (vm.host !== undefined && hasDomain(vm) ? [[vm.name, vm.host]] : []))),
  };
}

function hostInventory({ state, name, cause, arrays }: HostStatus): HostInventory {
  if (state === 'failed') return { available: false, cause: cause ?? `${name} isn't up`, arrays: {} };
  return {
    available: true,
    arrays: Object.fromEntries(arrays.map((array) => [array.name, { usable: array.mounted, degraded: array.state === 'degraded', ...(array.detail === undefined ? {} : { cause: array.detail }) }])),
  };
}

/** Xen has its memory. */
function hasDomain({ state }: VmStatus): boolean {
  return state === 'running' || state === 'starting' || state === 'stopping';
}
