/** How full hosts, arrays and shared storage are under a plan: for tables and views. */

import type { PlanJson } from '../../protocol';
import type { DiskModel, PoolModel, VmModel } from '../drive/model';
import { arrayCapacity, diskKey, hostCapacity, own, vmMemoryNeed, vmMilliCpus } from './capacity';
import { byName, placeLabel } from './names';
import type { Inventory, PreviousPlacement } from './inputs';

export interface Load {
  readonly used: number;
  readonly capacity: number;
}

export interface HostLoads {
  readonly host: string;
  /** In words, when it can take no VM. */
  readonly unavailable?: string;
  /** Names, in order. */
  readonly vms: readonly string[];
  /** Thousandths of a vCPU. */
  readonly milliCpus: Load;
  readonly memoryBytes: Load;
  readonly arrays: readonly VolumeLoads[];
}

export interface VolumeLoads {
  readonly name: string;
  readonly spaceBytes: Load;
  readonly bandwidthBps: Load;
}

export interface PoolLoads {
  readonly hosts: readonly HostLoads[];
  readonly storage: readonly VolumeLoads[];
}

export function poolLoads(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, plan: PlanJson): PoolLoads {
  const placed = byName(model.vms).filter((vm) => own(plan.assignments, vm.name) !== undefined);
  const volumes = volumeUse(model, inventory, previous, plan);
  const volume = (name: string, label: string, space: number, bandwidth: number): VolumeLoads => ({
    name,
    spaceBytes: { used: volumes.get(label)?.space ?? 0, capacity: space },
    bandwidthBps: { used: volumes.get(label)?.bandwidth ?? 0, capacity: bandwidth },
  });
  const onHost = new Map(model.hosts.map(({ name }): [string, VmModel[]] => [name, []]));
  for (const vm of placed) onHost.get(own(plan.assignments, vm.name) ?? '')?.push(vm);
  const hosts = byName(model.hosts).map((host): HostLoads => {
    const offer = hostCapacity(host, inventory, model.cluster.placement);
    const here = onHost.get(host.name) ?? [];
    return {
      host: host.name,
      ...(offer.available ? {} : { unavailable: offer.cause ?? '' }),
      vms: here.map((vm) => vm.name),
      milliCpus: { used: sum(here, vmMilliCpus), capacity: offer.milliCpus },
      memoryBytes: { used: sum(here, vmMemoryNeed), capacity: offer.memoryBytes },
      arrays: byName(host.arrays).map((array) => {
        const { capacityBytes, bandwidthBps } = arrayCapacity(host, array, inventory);
        return volume(array.name, placeLabel({ host: host.name, array: array.name }), capacityBytes, bandwidthBps);
      }),
    };
  });
  return { hosts, storage: byName(model.cluster.storage).map(({ name, capacityBytes, bandwidthBps }) => volume(name, name, capacityBytes, bandwidthBps)) };
}

/** Space counts for every disk that exists or will; bandwidth for those of VMs that run. */
function volumeUse(model: PoolModel, inventory: Inventory, previous: PreviousPlacement, plan: PlanJson): ReadonlyMap<string, { space: number; bandwidth: number }> {
  const use = new Map<string, { space: number; bandwidth: number }>();
  const place = (vm: VmModel, disk: DiskModel) => {
    const key = diskKey(vm.name, disk.name);
    return own(plan.disks, key) ?? own(inventory.disks, key) ?? own(previous.disks, key);
  };
  for (const vm of model.vms) {
    for (const disk of vm.disks) {
      const where = place(vm, disk);
      if (where === undefined) continue;
      const { space, bandwidth } = use.get(placeLabel(where)) ?? { space: 0, bandwidth: 0 };
      const runs = own(plan.assignments, vm.name) !== undefined;
      use.set(placeLabel(where), { space: space + disk.sizeBytes, bandwidth: bandwidth + (runs ? disk.bandwidthBps : 0) });
    }
  }
  return use;
}

function sum(vms: readonly VmModel[], need: (vm: VmModel) => number): number {
  return vms.reduce((total, vm) => total + need(vm), 0);
}
