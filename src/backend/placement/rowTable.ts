/**
 * A flat view of the rows that a host fills with its VMs: its own, and behind them those of its volumes, summed up. Two hosts are
 * compared with it by plain additions. What it allows is only necessary: `Packing` decides, because space on one array doesn't help another.
 */

import { at, type Packing } from './packing';
import { LOAD_STEPS, type Problem } from './problem';

export class RowTable {
  /** Own rows of the hosts, then the volumes' rows. */
  readonly rows: number;
  readonly balanced: readonly boolean[];
  /** `load[vm * rows + row]`: what the VM takes of whichever host runs it. */
  readonly load: Float64Array;

  constructor(readonly problem: Problem) {
    this.rows = problem.hostRows + problem.volumeRows;
    this.balanced = [...problem.hostRowBalanced, ...problem.volumeRowBalanced];
    this.load = new Float64Array(problem.vmCount * this.rows);
    for (let vm = 0; vm < problem.vmCount; vm++) {
      for (let row = 0; row < problem.hostRows; row++) this.load[vm * this.rows + row] = at(problem.vmLoad, vm * problem.hostRows + row);
      for (const disk of at(problem.vmDisks, vm)) {
        if (!isLocal(problem, disk)) continue;
        for (let row = 0; row < problem.volumeRows; row++) {
          const index = vm * this.rows + problem.hostRows + row;
          this.load[index] = at(this.load, index) + at(problem.diskLoad, disk * problem.volumeRows + row);
        }
      }
    }
  }

  /** The most the host's row may hold for its load to be no more than `step` hundredths; rows that don't count hold what they offer. */
  limit(host: number, row: number, step: number): number {
    const { problem } = this;
    const within = (capacity: number) => (at(this.balanced, row) ? Math.floor((capacity * step) / LOAD_STEPS) : capacity);
    if (row < problem.hostRows) return within(at(problem.hostCapacity, host * problem.hostRows + row));
    let sum = 0;
    for (const volume of at(problem.hostVolumes, host)) {
      if (at(problem.volumeUsable, volume) === 1) sum += within(at(problem.volumeCapacity, volume * problem.volumeRows + row - problem.hostRows));
    }
    return sum;
  }

  /** What the row offers in all. */
  capacity(host: number, row: number): number {
    return this.limit(host, row, LOAD_STEPS);
  }

  /** What the host's row holds now, beyond what VMs account for included. */
  used({ hostUsed, volumeUsed }: Packing, host: number, row: number): number {
    const { problem } = this;
    if (row < problem.hostRows) return at(hostUsed, host * problem.hostRows + row);
    let sum = 0;
    for (const volume of at(problem.hostVolumes, host)) {
      if (at(problem.volumeUsable, volume) === 1) sum += at(volumeUsed, volume * problem.volumeRows + row - problem.hostRows);
    }
    return sum;
  }
}

function isLocal(problem: Problem, disk: number): boolean {
  if (at(problem.diskIgnored, disk) === 1) return false;
  const only = at(problem.diskVolume, disk);
  const owner = only < 0 ? -1 : at(problem.volumeHost, only);
  return only < 0 || (owner >= 0 && at(problem.hostAvailable, owner) === 1 && at(problem.volumeUsable, only) === 1);
}
