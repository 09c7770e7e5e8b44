/**
 * The narrow form of the placement problem: sizes, loads and the previous placement as plain arrays, VMs and hosts as
 * numbers. The solvers know nothing of the product; `formulation.ts` makes this from the model, and public benchmark
 * instances can be read into it as well.
 *
 * Two kinds of place: a host offers host rows (CPU, memory…), a volume offers volume rows (space, bandwidth, IOPS…).
 * A volume belongs to one host, or to none when every host reaches it. All numbers are whole.
 */

export interface Problem {
  readonly hostCount: number;
  readonly volumeCount: number;
  readonly vmCount: number;
  readonly diskCount: number;

  /** Rows a host offers; matrices are row-major, `hostCapacity[host * hostRows + row]`. */
  readonly hostRows: number;
  readonly hostCapacity: Float64Array;
  readonly volumeRows: number;
  readonly volumeCapacity: Float64Array;
  /** Volume rows that a disk takes as long as it exists, whether its VM runs or not (space). */
  readonly volumeRowLasting: readonly boolean[];
  /** Rows whose loads the goal `balance` evens out. */
  readonly hostRowBalanced: readonly boolean[];
  readonly volumeRowBalanced: readonly boolean[];
  /** Owning host, −1 for a volume that every host reaches. */
  readonly volumeHost: Int32Array;
  /** 1 when new disks may be put there. */
  readonly volumeUsable: Uint8Array;
  /** The volumes of each host, ascending. */
  readonly hostVolumes: readonly Int32Array[];
  /** 1 when the host can take VMs at all. */
  readonly hostAvailable: Uint8Array;

  readonly vmLoad: Float64Array;
  /** 0 is the highest priority; VMs of one number are equally dear. */
  readonly vmLevel: Int32Array;
  /** `vmAllowed[vm][host]` is 1 where the VM may be now, its existing disks considered. */
  readonly vmAllowed: readonly Uint8Array[];
  /** The same when its local disks are lost: what counts after the failure of its host. */
  readonly vmAllowedAnew: readonly Uint8Array[];
  readonly vmDisks: readonly Int32Array[];
  /** VMs that must never share a host with it, ascending; symmetric. */
  readonly vmApart: readonly Int32Array[];
  /** VMs of one number ≥ 0 run on one host, as far as they run; −1 is none. */
  readonly vmTogether: Int32Array;
  /** Where it was put last time, −1 when it is new. */
  readonly vmPreviousHost: Int32Array;
  /** Where it runs and stays, whatever the rows say; −1 when the solver decides. */
  readonly vmFixedHost: Int32Array;

  readonly diskVm: Int32Array;
  readonly diskLoad: Float64Array;
  /** Where it lies now, −1 when it has never been made. */
  readonly diskHome: Int32Array;
  /** The only volume it may be on (its home, or shared storage); −1: any usable volume of its VM's host. */
  readonly diskVolume: Int32Array;
  /** 1 when the plan doesn't care for it: the disk of a running VM that was never made. */
  readonly diskIgnored: Uint8Array;

  readonly survive: number;
  readonly goal: 'balance' | 'consolidate';
}

export interface Solution {
  /** Host of each VM, −1 when left out. */
  readonly vmHost: Int32Array;
  /** Volume of each disk of a placed VM; the home, or −1, for the others. */
  readonly diskVolume: Int32Array;
}

/** While searching, loads are compared in ten-thousandths, rounded up: whole numbers are the same on every machine. */
export const FULL_LOAD = 10_000;

/**
 * The objective counts loads in hundredths, rounded up. A finer difference is no use to anybody: it would make VMs move for nothing,
 * and turn every proof into a number-partitioning puzzle.
 */
export const LOAD_STEPS = 100;

/** The load of one row, in ten-thousandths of its capacity. Nothing on nothing is no load. */
export function loadOf(used: number, capacity: number): number {
  if (used <= 0) return 0;
  return capacity > 0 ? Math.ceil((used * FULL_LOAD) / capacity) : NO_CAPACITY;
}

/** A load on nothing. It can only come from what runs already. */
const NO_CAPACITY = 100 * FULL_LOAD;

/** From ten-thousandths to the objective's steps. */
export function loadSteps(load: number): number {
  return Math.ceil((load * LOAD_STEPS) / FULL_LOAD);
}
