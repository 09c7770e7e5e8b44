/** What the placement knows beside the model: what is. Plain values, so that a plan is a function of them. */

import type { DiskPlace } from '../../protocol';
import type { PoolModel } from '../drive/model';

export interface Inventory {
  /** By host name. A host that is absent here is taken as its spec describes it. */
  readonly hosts: Readonly<Record<string, HostInventory>>;
  /** Where disks really are, by `vm/disk`. A disk that is absent has never been made. */
  readonly disks: Readonly<Record<string, DiskPlace>>;
  /** Where VMs run now: VM name to host name. */
  readonly running: Readonly<Record<string, string>>;
}

export interface HostInventory {
  /** An unavailable host takes no VM; what lies on its arrays can't be reached. */
  readonly available: boolean;
  /** In words, for the reasons: "node4 didn't answer". */
  readonly cause?: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly arrays: Readonly<Record<string, ArrayInventory>>;
}

export interface ArrayInventory {
  readonly usable: boolean;
  readonly degraded: boolean;
  readonly capacityBytes?: number;
  readonly cause?: string;
}

/** The placement written down last time (`state/placement.json`), which a new plan stays close to. */
export interface PreviousPlacement {
  readonly assignments: Readonly<Record<string, string>>;
  readonly disks: Readonly<Record<string, DiskPlace>>;
}

/** What a plan may do to what exists and runs. */
export interface MovePolicy {
  /** VMs that may be moved at most: to another host while they run, or with disks that exist. */
  readonly maxMoves: number;
  /**
   * Whether a running VM may be stopped for a while so that it can be moved: to copy its disks, or because it can't migrate live. None is ever
   * stopped to let another one in its place: at the end it runs again.
   */
  readonly stops: 'never' | 'allowed';
  /** VMs that stay where they are whatever the rest says; by name. */
  readonly stay?: ReadonlySet<string>;
  /** By VM the one host it may be on, for a question. Only while all hosts run: after a failure its spec alone says where it may go. */
  readonly held?: ReadonlyMap<string, string>;
}

/** What booting does: everything that exists or runs stays where it is. */
export const NO_MOVES: MovePolicy = { maxMoves: 0, stops: 'never' };

/** All that a plan is a function of. */
export interface PlanInputs {
  readonly model: PoolModel;
  readonly inventory: Inventory;
  readonly previous: PreviousPlacement;
  /** Absent: nothing moves. */
  readonly moves?: MovePolicy;
  /** Disks that exist, and that a question takes as lost; by `vm/disk`. They are in neither `inventory` nor `previous`. */
  readonly lost?: Readonly<Record<string, DiskPlace>>;
}

/** From the lock file's form, which also knows generations and sizes. */
export function previousPlacement(lock: { readonly assignments: Readonly<Record<string, string>>; readonly disks: Readonly<Record<string, { readonly place: DiskPlace }>> }): PreviousPlacement {
  return { assignments: lock.assignments, disks: Object.fromEntries(Object.entries(lock.disks).map(([key, { place }]) => [key, place])) };
}

export const EMPTY_INVENTORY: Inventory = { hosts: {}, disks: {}, running: {} };
export const NO_PREVIOUS_PLACEMENT: PreviousPlacement = { assignments: {}, disks: {} };
