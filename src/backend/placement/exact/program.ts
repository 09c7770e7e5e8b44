/**
 * A mixed-integer program in the making, and what a solver says of it. Columns and rows are numbers; coefficients are whole wherever
 * the problem's are.
 */

export interface MixedIntegerProgram {
  readonly columnLower: readonly number[];
  readonly columnUpper: readonly number[];
  readonly rowLower: readonly number[];
  readonly rowUpper: readonly number[];
  /** Compressed rows: the entries of row r are those from `rowStart[r]` up to `rowStart[r + 1]`. */
  readonly rowStart: readonly number[];
  readonly columnIndex: readonly number[];
  readonly value: readonly number[];
}

export interface Outcome {
  /** `stopped`: the node budget was spent or the caller stopped it; `values` is then the best found, if any. */
  readonly status: 'optimal' | 'infeasible' | 'stopped';
  readonly values?: Float64Array;
  /** Proven lower bound of the objective, −∞ when nothing is proven. */
  readonly bound: number;
}

export interface MipOptions {
  /** Sparse: column and cost, all others 0. Minimised. */
  readonly objective: ReadonlyMap<number, number>;
  readonly nodes: number;
  /** A feasible point to start from. */
  readonly start?: Float64Array;
  readonly shouldStop: () => boolean;
}

/** What stands behind the proofs. All columns are whole numbers. */
export interface MipSolver {
  minimise(program: MixedIntegerProgram, options: MipOptions): Outcome;
}

/** A continuous program to which columns are added as their worth shows. */
export interface Master {
  column(cost: number, entries: readonly (readonly [row: number, value: number])[]): void;
  /** The least cost, and what a unit more of each row's bound would cost. */
  solve(): { readonly objective: number; readonly duals: Float64Array };
}

export interface LinearSolver {
  /** Columns lie between 0 and ∞; the columns that `work` adds first must have a solution. */
  generate(rows: readonly { readonly lower: number; readonly upper: number }[], work: (master: Master) => void): void;
}

/** Finds why a continuous program has no solution. */
export interface ContradictionSolver {
  /**
   * Multipliers of rows whose sum no point meets, as good as tolerances make them; undefined when a solution was found, nothing within the budget, or the
   * caller stopped it. `irreducible`: without any one row of those that have a multiplier there is a solution.
   */
  contradiction(program: MixedIntegerProgram, wanted: 'any' | 'irreducible', shouldStop?: () => boolean): Float64Array | undefined;
}

export class ProgramBuilder implements MixedIntegerProgram {
  readonly columnLower: number[] = [];
  readonly columnUpper: number[] = [];
  readonly rowLower: number[] = [];
  readonly rowUpper: number[] = [];
  readonly rowStart: number[] = [0];
  readonly columnIndex: number[] = [];
  readonly value: number[] = [];

  column(lower: number, upper: number): number {
    this.columnLower.push(lower);
    this.columnUpper.push(upper);
    return this.columnLower.length - 1;
  }

  row(lower: number, entries: Iterable<readonly [column: number, value: number]>, upper: number): void {
    for (const [column, value] of entries) {
      this.columnIndex.push(column);
      this.value.push(value);
    }
    this.rowStart.push(this.columnIndex.length);
    this.rowLower.push(lower);
    this.rowUpper.push(upper);
  }
}
