/** Disks that a question takes as lost, and what there would be instead: no plan brings their data back. */

import type { PlanJson } from '../../protocol';
import type { PoolModel } from '../drive/model';
import { diskKey, own } from './capacity';
import { byName, placeLabel } from './names';

export interface LostDisk {
  /** `web1/root` */
  readonly disk: string;
  /** `node2/r0` */
  readonly lay: string;
  /** Unknown when no spec speaks of it any more. */
  readonly bytes?: number;
  /** In words: `new and empty on node1/r0`. */
  readonly instead: string;
}

/** Sorted by name. */
export function lostDisks({ vms }: PoolModel, { lost = {}, disks }: PlanJson): LostDisk[] {
  const models = new Map(vms.flatMap((vm) => vm.disks.map((disk) => [diskKey(vm.name, disk.name), disk] as const)));
  return byName(Object.entries(lost).map(([name, place]) => ({ name, place }))).map(({ name, place }) => {
    const model = models.get(name);
    const now = own(disks, name);
    const made = model?.source === undefined ? 'new and empty' : `a new copy of ${model.source}`;
    const instead = now === undefined ? 'none is made in its place' : `${made} on ${placeLabel(now)}`;
    return { disk: name, lay: placeLabel(place), instead, ...(model === undefined ? {} : { bytes: model.sizeBytes }) };
  });
}
