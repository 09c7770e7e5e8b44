/**
 * Deals what two hosts run anew between them, so that one takes as much off the other as a ceiling allows. Of the few VMs on two hosts all
 * subsets can be looked at, and that finds the odd exchange of three for two that no chain of single moves comes by.
 */

import { seededNumbers } from './order';
import { at, type Packing } from './packing';
import { loadSteps } from './problem';
import { RowTable } from './rowTable';
import { fullestSubsets, MOST_ITEMS } from './subsets';
import { Trial } from './trial';

export interface Relief {
  readonly from: number;
  readonly to: number;
  /** The row of `from` to take from. */
  readonly row: number;
  /** The other rows of `from` are to stay within this load, in hundredths, or at what they are. */
  readonly floor: number;
  /** The load `to` may reach, in hundredths. */
  readonly ceiling: number;
}

export class HostPairs {
  /** Subsets looked at so far; what budgets are counted in. */
  work = 0;
  readonly table: RowTable;
  private readonly random = seededNumbers(5);

  constructor(
    private readonly packing: Packing,
    private readonly units: readonly (readonly number[])[],
  ) {
    this.table = new RowTable(packing.problem);
  }

  /** Whether something went over. */
  relieve(relief: Relief): boolean {
    const { packing, table } = this;
    const { from, to, row, ceiling } = relief;
    const items = this.sample([...this.movable(from, to), ...this.movable(to, from)]);
    if (items.length === 0) return false;
    this.work += 2 << (items.length >> 1);
    const loads = new Float64Array(items.length * table.rows);
    const total = new Float64Array(table.rows);
    const there = new Float64Array(table.rows);
    items.forEach((unit, item) => {
      for (const vm of unit) {
        for (let r = 0; r < table.rows; r++) {
          const load = at(table.load, vm * table.rows + r);
          loads[item * table.rows + r] = at(loads, item * table.rows + r) + load;
          total[r] = at(total, r) + load;
          if (at(packing.vmHost, vm) === to) there[r] = at(there, r) + load;
        }
      }
    });
    const rows = Array.from({ length: table.rows }, (_, r) => r);
    const most = rows.map((r) => Math.max(table.limit(to, r, ceiling), table.used(packing, to, r)) - table.used(packing, to, r) + at(there, r));
    const least = rows.map((r) => {
      if (r === row) return -Infinity;
      const used = table.used(packing, from, r);
      const stays = used - (at(total, r) - at(there, r));
      return at(total, r) + stays - Math.max(table.limit(from, r, relief.floor), used);
    });
    const subsets = fullestSubsets({ loads, rows: table.rows, row, most, least, above: at(there, row) });
    return subsets.some((subset) => this.apply(items, subset, relief));
  }

  /** The row of the host with the largest load above `step` hundredths; −1 when there is none. */
  worstRow(host: number, step: number): number {
    const { packing, table } = this;
    let [worst, most] = [-1, 0];
    for (let row = 0; row < table.rows; row++) {
      if (!table.balanced[row]) continue;
      const capacity = table.limit(host, row, 100);
      const excess = capacity > 0 ? (table.used(packing, host, row) - table.limit(host, row, step)) / capacity : 0;
      if (excess > most) [worst, most] = [row, excess];
    }
    return worst;
  }

  step(host: number): number {
    return loadSteps(this.packing.maxLoadOfHost(host));
  }

  private apply(items: readonly (readonly number[])[], subset: number, { from, to, ceiling }: Relief): boolean {
    const { packing } = this;
    const most = [Math.max(this.step(from), 0), Math.max(ceiling, this.step(to))] as const;
    const trial = new Trial(packing);
    const goes = (item: number, host: number) => ((subset >> item) & 1) === Number(host === to);
    for (const unit of items) for (const vm of unit) trial.remove(vm);
    const fits = [to, from].every((host) => items.every((unit, item) => !goes(item, host) || unit.every((vm) => trial.tryAdd(vm, host))));
    if (fits && this.step(from) <= most[0] && this.step(to) <= most[1]) return true;
    trial.rollBack();
    return false;
  }

  /** Units on the host that could as well run on the other one; the bulkiest decide, so they come first. */
  private movable(host: number, other: number): number[][] {
    const { packing } = this;
    const units: number[][] = [];
    for (const vm of [...at(packing.hostVms, host)].sort((a, b) => a - b)) {
      const unit = at(this.units, vm).filter((member) => at(packing.vmHost, member) >= 0);
      const isFree = unit.every((member) => !packing.isFixed(member) && at(at(packing.problem.vmAllowed, member), other) === 1);
      if (unit[0] === vm && isFree) units.push(unit);
    }
    return units;
  }

  /** As many as can be looked at, others each time. */
  private sample(units: number[][]): number[][] {
    while (units.length > MOST_ITEMS) units.splice(this.random(units.length), 1);
    return units;
  }
}
