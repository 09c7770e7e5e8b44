/**
 * What no placement could mend: a pool without hosts, and VMs that are too large for the largest host, whatever else runs there.
 * Only what the specs alone show; who goes where is the placement's to say.
 */

import type { HostModel, VmModel } from '../model';
import * as problems from '../problems';
import type { Problem } from '../problems';
import { formatQuantity } from '../quantity';
import type { Located, SpecPool } from './pool';

export function roomProblems(pool: SpecPool): readonly Problem[] {
  const cluster = pool.clusters[0];
  const hosts = pool.documents.filter(({ kind }) => kind === 'Host');
  if (!cluster || pool.vms.length === 0) return [];
  if (hosts.length === 0) return [problems.hostMissing(cluster.places.owner([]), pool.vms.length)];
  // Of a host with errors one doesn't know how large it is.
  if (hosts.some(({ part }) => part === undefined)) return [];
  const largest = largestOf(pool.hosts, cluster.model.placement.cpuOvercommit);
  return pool.vms.flatMap((vm) => tooLarge(vm, largest));
}

interface Largest {
  readonly vcpus: Share;
  readonly memoryBytes: Share;
  readonly arrayBytes: Share;
}

interface Share {
  readonly most: number;
  /** Who has it. */
  readonly host: string;
}

function largestOf(hosts: readonly Located<HostModel>[], cpuOvercommit: number): Largest {
  const most = (size: (host: HostModel) => number) => hosts.reduce<Share>((found, { model }) => (size(model) > found.most ? { most: size(model), host: model.name } : found), { most: 0, host: '' });
  return {
    vcpus: most(({ cpus, reserve }) => Math.max(0, Math.floor(cpus * cpuOvercommit - reserve.cpus))),
    memoryBytes: most(({ memoryBytes, reserve }) => memoryBytes - reserve.memoryBytes),
    arrayBytes: most(({ arrays }) => Math.max(0, ...arrays.map(({ capacityBytes }) => capacityBytes))),
  };
}

function tooLarge({ model, places }: Located<VmModel>, largest: Largest): readonly Problem[] {
  const bytes = (value: number) => formatQuantity('bytes', value);
  const found: Problem[] = [];
  const tell = (path: readonly (string | number)[], what: string, wanted: number, { most, host }: Share, words: (value: number) => string) => {
    if (wanted > most) found.push(problems.vmTooLarge(places.value(path), what, words(wanted), most === 0 ? undefined : { host, most: words(most) }));
  };
  tell(['vcpus'], 'vCPUs', model.vcpus, largest.vcpus, String);
  tell(['memory'], 'memory', model.memoryBytes, largest.memoryBytes, bytes);
  for (const [index, { storage, sizeBytes }] of model.disks.entries()) if (storage === undefined) tell(['disks', index, 'size'], 'room on one array', sizeBytes, largest.arrayBytes, bytes);
  return found;
}

