/** Which places a host has within reach. Behind a mount point where nothing is mounted lies dom0's RAM: what is made there is gone with the power. */

import type { DiskPlace } from '../../../protocol';
import type { VmModel } from '../../drive/model';
import { samePlace } from './safety';
import type { HostNode } from './state';

/** The arrays and shared storage that a host said are mounted; none while its session is down. */
export function mountsOf(host: HostNode): readonly DiskPlace[] {
  const arrays = (host.arrays ?? []).filter(({ status }) => status.mounted).map(({ status }): DiskPlace => ({ host: host.spec.name, array: status.name }));
  const storage = host.storage.filter(({ mounted }) => mounted).map(({ name }): DiskPlace => ({ storage: name }));
  return [...arrays, ...storage];
}

/** What of a host may hold disks that weren't seen in this run, in words. One that this drive never booted holds none. */
export function unreadAt(host: HostNode): readonly string[] {
  const { name, arrays } = host.spec;
  if (host.lastBootId === undefined) return host.hasKeys ? [name] : [];
  return arrays.filter((array) => host.arrays?.some(({ status }) => status.name === array.name && !status.mounted) === true).map((array) => `${name}/${array.name}`);
}

export function hasMounted(host: HostNode, place: DiskPlace): boolean {
  return mountsOf(host).some((mount) => samePlace(mount, place));
}

/** The shared storage that a host which is up failed to mount, each with what it said. */
export function missingStorage(host: HostNode): readonly { readonly name: string; readonly detail: string | undefined }[] {
  return host.state === 'ready' ? host.storage.filter(({ mounted }) => !mounted).map(({ name, detail }) => ({ name, detail })) : [];
}

/** Why a host can't run a VM whose disks lie on shared storage; undefined: nothing speaks against it. */
export function storageTrouble(host: HostNode, vm: VmModel): string | undefined {
  const missing = missingStorage(host).find(({ name }) => vm.disks.some(({ storage }) => storage === name));
  if (missing === undefined) return undefined;
  return `${host.spec.name} hasn't mounted shared storage ${missing.name}${missing.detail === undefined ? '' : ` (${missing.detail})`}`;
}
