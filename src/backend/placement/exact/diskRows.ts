/** Disks in the continuous program of a conflict: where they may lie, and what they take of arrays and shared storage. */

import { at } from '../packing';
import { commonUnit } from './assignment';
import { elsewhere, type Parts } from './requirementParts';
import type { RivalClass } from './rivalClasses';
import { heldOf, listOf, type OwnLoad } from './standingRows';

interface Slot {
  readonly volumes: readonly number[];
  /** −1 for shared storage. */
  readonly group: number;
}

export class DiskRows {
  /** For the left-out VM, then each class: by movable disk the columns of how many lie away from their home. */
  readonly away: { readonly most: number; readonly ways: number[][] }[] = [];
  private readonly slots: readonly Slot[];
  private readonly slotOf = new Map<number, number>();
  private readonly disksAt = new Map<number, number[]>();
  private readonly others: ReadonlySet<number>;
  /** By slot and row: what is taken by column. */
  private readonly taken = new Map<string, Map<number, number>>();
  /** By slot and row: the common unit of the disks. Those of one VM may lie on different volumes, so that their sum is none. */
  private readonly units = new Map<string, number>();
  private readonly ownTaken = new Map<string, OwnLoad[]>();

  constructor(private readonly parts: Parts) {
    const { problem, groups, held } = parts;
    const shared = Array.from({ length: problem.volumeCount }, (_, volume) => volume).filter((volume) => at(problem.volumeHost, volume) < 0);
    this.slots = [...groups.flatMap(({ slots }, group) => slots.map((volumes) => ({ volumes, group }))), ...shared.map((volume) => ({ volumes: [volume], group: -1 }))];
    this.slots.forEach(({ volumes }, slot) => volumes.forEach((volume) => this.slotOf.set(volume, slot)));
    problem.diskHome.forEach((home, disk) => home >= 0 && listOf(this.disksAt, home).push(disk));
    this.others = new Set(held.others);
  }

  write(): void {
    const { classes, on } = this.parts;
    this.ownDisks();
    classes.forEach((rivals, index) => this.rivalDisks(rivals, at(on, index)));
    this.slots.forEach((_, slot) => this.slotRows(slot));
  }

  private ownDisks(): void {
    const { problem, vm } = this.parts;
    const ways: number[][] = [];
    for (const disk of at(problem.vmDisks, vm)) {
      const only = at(problem.diskVolume, disk);
      if (only >= 0 && at(problem.volumeHost, only) < 0) this.takeOwn(disk, this.slotOf.get(only));
      else if (only >= 0) this.ownPinned(disk, only);
      else ways.push(this.ownFree(disk));
    }
    this.away.push({ most: 1, ways });
  }

  private ownPinned(disk: number, home: number): void {
    const { problem, held, rows, own } = this.parts;
    const requirement = heldOf(held, 'pin', { disk });
    if (requirement === undefined) return;
    for (const column of elsewhere(this.parts, own, at(problem.volumeHost, home))) rows.atMost([[column, 1]], 0, { own: requirement });
    const lies = rows.column(1);
    rows.atLeast([lies], 1, { own: requirement });
    this.takeOwn(disk, this.slotOf.get(home), lies);
  }

  /** Returns the columns of the disk away from its home. */
  private ownFree(disk: number): number[] {
    const { held, rows, own } = this.parts;
    const requirement = heldOf(held, 'volume', { disk });
    if (requirement === undefined) return [];
    const home = this.homeSlot(disk);
    return [...own].flatMap(([group, column]) => {
      const here = this.slotsOn(group).map((slot) => ({ slot, lies: rows.column(1) }));
      for (const { slot, lies } of here) this.takeOwn(disk, slot, lies);
      rows.atMost([[column, 1], ...here.map(({ lies }) => [lies, -1] as const)], 0, { own: requirement });
      return home === undefined ? [] : here.flatMap(({ slot, lies }) => (slot === home ? [] : [lies]));
    });
  }

  private takeOwn(disk: number, slot: number | undefined, by?: number): void {
    const { problem, held } = this.parts;
    if (slot === undefined) return;
    for (let row = 0; row < problem.volumeRows; row++) {
      const own = heldOf(held, 'disk', { disk, row });
      const load = at(problem.diskLoad, disk * problem.volumeRows + row);
      if (own !== undefined) listOf(this.ownTaken, `${slot} ${row}`).push({ own, load, ...(by === undefined ? {} : { by }) });
    }
  }

  private rivalDisks({ vms, isFixed, disks }: RivalClass, on: ReadonlyMap<number, number>): void {
    const { problem } = this.parts;
    const ways: number[][] = [];
    for (const disk of disks) {
      const only = at(problem.diskVolume, disk);
      if (only >= 0) for (const column of on.values()) this.take(disk, this.slotOf.get(only), column);
      else if (!isFixed) ways.push(this.rivalFree(disk, vms.length, on));
    }
    this.away.push({ most: vms.length, ways });
  }

  /** Where there is one place for it, the disk lies there whenever its VM is there. Returns the columns of the disks away from their home. */
  private rivalFree(disk: number, most: number, on: ReadonlyMap<number, number>): number[] {
    const { rows } = this.parts;
    const home = this.homeSlot(disk);
    return [...on].flatMap(([group, column]) => {
      const slots = this.slotsOn(group);
      const here = slots.map((slot) => ({ slot, lies: slots.length === 1 ? column : rows.column(most) }));
      for (const { slot, lies } of here) this.take(disk, slot, lies);
      if (here.length > 1) rows.atMost([[column, 1], ...here.map(({ lies }) => [lies, -1] as const)], 0);
      return home === undefined ? [] : here.flatMap(({ slot, lies }) => (slot === home ? [] : [lies]));
    });
  }

  private take(disk: number, slot: number | undefined, column: number): void {
    const { problem } = this.parts;
    if (slot === undefined) return;
    for (let row = 0; row < problem.volumeRows; row++) {
      const load = at(problem.diskLoad, disk * problem.volumeRows + row);
      // What lies where it must stay is a fact of the volume.
      const isFact = problem.volumeRowLasting[row] && at(problem.diskVolume, disk) >= 0 && at(problem.diskHome, disk) >= 0;
      if (load === 0 || isFact) continue;
      const key = `${slot} ${row}`;
      const taken = this.taken.get(key) ?? new Map<number, number>();
      this.taken.set(key, taken.set(column, (taken.get(column) ?? 0) + load));
      this.units.set(key, commonUnit([this.units.get(key) ?? 0, load]));
    }
  }

  private slotRows(slot: number): void {
    const { problem, rows } = this.parts;
    const { volumes } = at(this.slots, slot);
    for (let row = 0; row < problem.volumeRows; row++) {
      const key = `${slot} ${row}`;
      const own = this.ownTaken.get(key) ?? [];
      const unit = commonUnit([this.units.get(key) ?? 0, ...own.map(({ load }) => load)]);
      rows.capacity([...(this.taken.get(key) ?? [])], own, unit, volumes.map((volume) => this.offerOf(volume, row)));
    }
  }

  /** What the volume has for disks that aren't bound to lie there. What lies there now may overfill it, and so may what runs. */
  private offerOf(volume: number, row: number): number {
    const { problem, vm } = this.parts;
    const isLasting = problem.volumeRowLasting[row] === true;
    let [facts, mayBe] = [0, 0];
    for (const disk of this.disksAt.get(volume) ?? []) {
      const [owner, load] = [at(problem.diskVm, disk), at(problem.diskLoad, disk * problem.volumeRows + row)];
      const isMovable = at(problem.diskVolume, disk) < 0;
      const isHeld = owner === vm || this.others.has(owner);
      // Movable disks of VMs that aren't held are in nobody's way, and nobody works on the other ones.
      if (isLasting ? isMovable && !isHeld : at(problem.vmFixedHost, owner) < 0 || !isHeld) continue;
      mayBe += load;
      if (isLasting && !isMovable && owner !== vm) facts += load;
    }
    return Math.max(at(problem.volumeCapacity, volume * problem.volumeRows + row), mayBe, 0) - facts;
  }

  private homeSlot(disk: number): number | undefined {
    const home = at(this.parts.problem.diskHome, disk);
    return home < 0 ? undefined : this.slotOf.get(home);
  }

  private slotsOn(group: number): number[] {
    return this.slots.flatMap((slot, index) => (slot.group === group ? [index] : []));
  }
}
