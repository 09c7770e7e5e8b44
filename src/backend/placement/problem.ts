/**
 * The narrow form of the placement problem: sizes, loads and the previous placement as plain arrays, VMs and hosts as
 * numbers. The solvers know nothing of the product; `formulation.ts` makes this from the model, and public benchmark
 * instances can be read into it as well.
 *
 * Two kinds of place: a host offers host rows (CPU, memory…), a volume offers volume rows (space, bandwidth, IOPS…).
 * A volume belongs to one host, or to none when every host reaches it. All numbers are whole; only IOPS and the number of moves may be unlimited.
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
  /**
   * Where it runs and may leave, −1 when it doesn't run or is fixed. It is allowed there, and its level is above that of every VM that
   * doesn't run: a placement that leaves it out is never the best.
   */
  readonly vmRunningHost: Int32Array;
  /** Bytes that travel when it runs elsewhere than `vmRunningHost`; 0 for VMs that don't run. */
  readonly vmMoveBytes: Float64Array;

  readonly diskVm: Int32Array;
  readonly diskLoad: Float64Array;
  /** Where it lies now, −1 when it has never been made. */
  readonly diskHome: Int32Array;
  /**
   * The only volume it may be on (its home, or shared storage); −1: any usable volume of its VM's host. A disk that has a home and −1 here
   * may be moved. While its VM is left out it stays at its home.
   */
  readonly diskVolume: Int32Array;
  /** Bytes that travel when it lies elsewhere than at its home; 0 for one that was never made. */
  readonly diskMoveBytes: Float64Array;
  /** 1 when the plan doesn't care for it: the disk of a running VM that was never made. */
  readonly diskIgnored: Uint8Array;

  /** VMs that may be moved at most, Infinity for any number. A VM is moved when it leaves `vmRunningHost` or one of its disks leaves its home. */
  readonly maxMoves: number;
  readonly survive: number;
  readonly goal: 'balance' | 'consolidate';
}

export interface Solution {
  /** Host of each VM, −1 when left out. */
  readonly vmHost: Int32Array;
  /** Volume of each disk of a placed VM; the home, or −1, for the others. */
  readonly diskVolume: Int32Array;
}

/** Whether anything that exists or runs may be moved. */
export function hasMoves(problem: Problem): boolean {
  return problem.maxMoves > 0 && (problem.vmRunningHost.some((host) => host >= 0) || problem.diskHome.some((home, disk) => home >= 0 && problem.diskVolume[disk] === -1));
}

/**
 * The same problem with everything that exists where `stay` has it: its disks, the VMs that run, and with them the bytes moved. `stay` leaves out no
 * VM that runs. Without `stay` everything is where it is now. Levels, rows and bounds keep their meaning.
 */
export function withoutMoves(problem: Problem, stay?: Solution): Problem {
  if (!hasMoves(problem)) return problem;
  const diskVolume = problem.diskVolume.map((only, disk) => {
    const home = problem.diskHome[disk] ?? -1;
    if (only >= 0 || home < 0) return only;
    return stay === undefined || stay.vmHost[problem.diskVm[disk] ?? 0] === -1 ? home : (stay.diskVolume[disk] ?? home);
  });
  const vmAllowed = problem.vmAllowed.map((allowed, vm) => {
    const moved = Array.from(problem.vmDisks[vm] ?? []).filter((disk) => problem.diskVolume[disk] !== diskVolume[disk]);
    if (moved.length === 0) return allowed;
    return allowed.map((is, host) => Number(is === 1 && moved.every((disk) => problem.volumeHost[diskVolume[disk] ?? 0] === host)));
  });
  return {
    ...problem,
    vmAllowed,
    diskVolume,
    vmFixedHost: problem.vmFixedHost.map((fixed, vm) => {
      const now = problem.vmRunningHost[vm] ?? -1;
      return now < 0 ? fixed : (stay?.vmHost[vm] ?? now);
    }),
    vmRunningHost: new Int32Array(problem.vmCount).fill(-1),
    maxMoves: Infinity,
  };
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
