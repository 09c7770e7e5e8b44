/** Where disks lie and VMs run, and why some VMs can run nowhere. */

import type { DiskPlace } from '../../protocol';
import type { DiskModel, VmModel } from '../drive/model';
import { diskKey, own } from './capacity';
import type { PlannedHost, PlannedVolume } from './formulation';
import type { Inventory, PreviousPlacement } from './inputs';
import { byName, indexByName, placeLabel } from './names';

/** Where things are, looked up by the numbers of the problem. */
export class Places {
  private readonly hostIndex: ReadonlyMap<string, number>;
  private readonly volumeIndex: ReadonlyMap<string, number>;

  constructor(
    private readonly hosts: readonly PlannedHost[],
    private readonly volumes: readonly PlannedVolume[],
    private readonly inventory: Inventory,
    private readonly previous: PreviousPlacement,
  ) {
    this.hostIndex = indexByName(hosts.map((host) => host.model.name));
    this.volumeIndex = indexByName(volumes.map((volume) => volume.label));
  }

  isSaidToRun(vm: VmModel): boolean {
    return own(this.inventory.running, vm.name) !== undefined;
  }

  runningHost(vm: VmModel): number {
    return this.host(own(this.inventory.running, vm.name));
  }

  previousHost(vm: VmModel): number {
    return this.host(own(this.inventory.running, vm.name) ?? own(this.previous.assignments, vm.name));
  }

  /** The volume where a disk lies; −1 when it was never made, or lies where the drive knows no place. */
  home(vm: VmModel, disk: DiskModel): number {
    const place = this.place(vm, disk);
    return place === undefined ? -1 : (this.volumeIndex.get(placeLabel(place)) ?? -1);
  }

  /** The host on whose array the disk lies, `shared` for storage; undefined when it was never made or can't be used where it lies. */
  homeHost(vm: VmModel, disk: DiskModel): number | 'shared' | undefined {
    const volume = this.volumes[this.home(vm, disk)];
    if (volume === undefined || !volume.capacity.usable) return undefined;
    return 'host' in volume.place ? this.host(volume.place.host) : 'shared';
  }

  sharedTarget(disk: DiskModel): number {
    return disk.storage === undefined ? -1 : (this.volumeIndex.get(disk.storage) ?? -1);
  }

  /** `joinable`: disks on different hosts may be moved to one. */
  barred(vm: VmModel, joinable: boolean): string | undefined {
    const running = own(this.inventory.running, vm.name);
    if (running !== undefined) {
      const host = this.hosts[this.host(running)];
      if (host === undefined) return `it runs on ${running}, a host the drive doesn't describe`;
      return host.capacity.available ? undefined : `it may still run on ${running}, which can't be asked: ${host.capacity.cause ?? ''}`;
    }
    for (const disk of byName(vm.disks)) {
      const lost = this.unreachable(vm, disk);
      if (lost !== undefined) return lost;
    }
    return joinable ? undefined : this.scattered(vm);
  }

  private unreachable(vm: VmModel, disk: DiskModel): string | undefined {
    const place = this.place(vm, disk);
    if (place === undefined) {
      return disk.storage !== undefined && this.sharedTarget(disk) < 0 ? `disk ${disk.name} belongs on storage ${disk.storage}, which the drive doesn't describe` : undefined;
    }
    const label = placeLabel(place);
    const volume = this.volumes[this.volumeIndex.get(label) ?? -1];
    if (volume === undefined) return `its disk ${disk.name} lies on ${label}, which the drive no longer describes`;
    const host = 'host' in place ? this.hosts[this.host(place.host)] : undefined;
    if (host !== undefined && !host.capacity.available) return `its disk ${disk.name} lies on ${label}, and ${host.model.name} is unavailable: ${host.capacity.cause ?? ''}`;
    return volume.capacity.usable ? undefined : `its disk ${disk.name} lies on ${label}, which can't be used: ${volume.capacity.cause ?? ''}`;
  }

  /** Disks of one VM on two hosts can't be joined without moving one of them. */
  private scattered(vm: VmModel): string | undefined {
    const seen = new Map<string, string>();
    for (const disk of byName(vm.disks)) {
      const place = this.place(vm, disk);
      if (place !== undefined && 'host' in place && !seen.has(place.host)) seen.set(place.host, disk.name);
    }
    if (seen.size < 2) return undefined;
    return `its disks lie on different hosts: ${[...seen].map(([host, disk]) => `${disk} on ${host}`).join(', ')}`;
  }

  /** A VM that isn't running can't join companions that run on different hosts. */
  torn(vm: VmModel, group: readonly VmModel[]): string | undefined {
    if (this.isSaidToRun(vm)) return undefined;
    const hosts = new Map<string, string>();
    for (const peer of group) {
      const host = own(this.inventory.running, peer.name);
      if (host !== undefined && this.host(host) >= 0 && !hosts.has(host)) hosts.set(host, peer.name);
    }
    if (hosts.size < 2) return undefined;
    return `the VMs it must run together with run on different hosts: ${[...hosts].map(([host, peer]) => `${peer} on ${host}`).join(', ')}`;
  }

  private place(vm: VmModel, disk: DiskModel): DiskPlace | undefined {
    const key = diskKey(vm.name, disk.name);
    return own(this.inventory.disks, key) ?? own(this.previous.disks, key);
  }

  private host(name: string | undefined): number {
    return name === undefined ? -1 : (this.hostIndex.get(name) ?? -1);
  }
}
