/** How long actions take, estimated. Rough on purpose: it tells minutes from hours. */

import type { DiskPlace, PlanStep } from '../../protocol';
import type { PoolModel } from '../drive/model';
import { arrayCapacity, diskKey } from './capacity';
import type { Inventory } from './inputs';
import { placeLabel } from './names';

/** Payload of 1 Gbit/s Ethernet, bytes a second: specs don't say how fast the network is, and most pools of this size have that. */
const NETWORK_BPS = 117e6;
/** From `xl create` to a guest that boots. */
const START_SECONDS = 5;
/** A guest that shuts down properly. */
const STOP_SECONDS = 30;
/** A blank disk is a sparse file. */
const BLANK_SECONDS = 1;

/** An estimator for the steps of one plan; whole seconds. */
export function secondsEstimator(model: PoolModel, inventory: Inventory): (step: PlanStep) => number {
  const sources = new Set(model.vms.flatMap((vm) => vm.disks.flatMap((disk) => (disk.source === undefined ? [] : [diskKey(vm.name, disk.name)]))));
  const speeds = speedsOf(model, inventory);
  const speed = (place: DiskPlace) => Math.max(1, speeds.get(placeLabel(place)) ?? NETWORK_BPS);
  return (step) => estimateSeconds(step, speed, sources);
}

function estimateSeconds(step: PlanStep, speedOf: (place: DiskPlace) => number, sources: ReadonlySet<string>): number {
  switch (step.kind) {
    case 'start':
      return START_SECONDS;
    case 'stop':
      return STOP_SECONDS;
    case 'migrate':
      return Math.ceil(step.bytes / NETWORK_BPS);
    case 'create-disk':
      return sources.has(diskKey(step.vm, step.disk)) ? Math.ceil(step.bytes / Math.min(NETWORK_BPS, speedOf(step.to))) : BLANK_SECONDS;
    case 'move-disk': {
      const [from, to] = [speedOf(step.from), speedOf(step.to)];
      const staysOnHost = 'host' in step.from && 'host' in step.to && step.from.host === step.to.host;
      // The copy is read back once to compare it with the source.
      return Math.ceil(step.bytes / Math.min(from, to, staysOnHost ? Infinity : NETWORK_BPS) + step.bytes / to);
    }
  }
}

/** Bytes a second by place; of an array that is degraded, what is left of it. */
function speedsOf({ hosts, cluster }: PoolModel, inventory: Inventory): Map<string, number> {
  const arrays = hosts.flatMap((host) => host.arrays.map((array): [string, number] => [placeLabel({ host: host.name, array: array.name }), arrayCapacity(host, array, inventory).bandwidthBps]));
  return new Map([...arrays, ...cluster.storage.map(({ name, bandwidthBps }): [string, number] => [name, bandwidthBps])]);
}
