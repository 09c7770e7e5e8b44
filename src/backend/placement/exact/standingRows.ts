/** Rows of a program that know what they stand for. */

import type { Held, Requirement } from '../requirements';
import { ProgramBuilder } from './program';

/** What a row stands for: a requirement of the left-out VM, or that others run as well; undefined for what is always true. */
export type Standing = { readonly own: Requirement } | { readonly others: readonly number[] } | undefined;

/** What the left-out VM takes of a row by a requirement, as long as the column `by` says that it is there; `by` absent: in any case. */
export interface OwnLoad {
  readonly own: Requirement;
  readonly load: number;
  readonly by?: number;
}

export type Entry = readonly [column: number, value: number];

export class StandingRows {
  readonly program = new ProgramBuilder();
  readonly standings: Standing[] = [];

  /** Between 0 and `most`. */
  column(most: number): number {
    return this.program.column(0, most);
  }

  atLeast(columns: Iterable<number>, least: number, standing?: Standing): void {
    this.program.row(least, [...columns].map((column) => [column, 1] as const), Infinity);
    this.standings.push(standing);
  }

  atMost(entries: readonly Entry[], most: number, standing?: Standing): void {
    this.program.row(-Infinity, entries, most);
    this.standings.push(standing);
  }

  /**
   * The loads are no more than all the offers together; unlimited ones say nothing. Whatever takes of one offer takes whole units of it, so that each is
   * rounded down to whole units. What the left-out VM takes is a column of its own, so that nothing is taken where the row of its requirement is absent.
   */
  capacity(entries: readonly Entry[], own: readonly OwnLoad[], unit: number, offers: readonly number[]): void {
    if (entries.length + own.length === 0 || !offers.every(Number.isFinite)) return;
    const ownEntries = own.map(({ own: requirement, load, by }) => {
      const taken = this.column(load / unit);
      if (by === undefined) this.atLeast([taken], load / unit, { own: requirement });
      else this.atMost([[by, load / unit], [taken, -1]], 0, { own: requirement });
      return [taken, 1] as const;
    });
    this.atMost([...entries.map(([column, load]) => [column, load / unit] as const), ...ownEntries], offers.reduce((sum, offer) => sum + Math.floor(offer / unit), 0));
  }
}

/** The VM's requirement of this kind, if it is held. */
export function heldOf({ own }: Held, kind: Requirement['kind'], of: Readonly<Record<string, number>> = {}): Requirement | undefined {
  return own.find((one: Requirement & Readonly<Record<string, unknown>>) => one.kind === kind && Object.entries(of).every(([key, value]) => one[key] === value));
}

export function listOf<Key, Item>(lists: Map<Key, Item[]>, key: Key): Item[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
