/** HiGHS (https://highs.dev, MIT) behind the narrow interface of `program.ts`. */

import type { Highs, Model, ModelData } from 'highs';
import { ProgramBuilder, type ContradictionSolver, type LinearSolver, type MipOptions, type MipSolver, type MixedIntegerProgram, type Outcome } from './program';

/**
 * Node limits instead of time limits, one thread, a fixed seed: identical answers on every machine. Gaps are absolute and below one, because objectives
 * are whole numbers.
 */
const OPTIONS = { output_flag: false, random_seed: 1, mip_rel_gap: 0, mip_abs_gap: 0.999 } as const;

export function highsSolver(highs: Highs): MipSolver & LinearSolver & ContradictionSolver {
  return {
    generate: (rows, work) => highs.withModel((model) => {
      model.options.set({ output_flag: false, random_seed: 1 });
      for (const { lower, upper } of rows) model.addRow(lower, upper, { indices: [], values: [] });
      work({
        column: (cost, entries) => void model.addCol(cost, 0, Infinity, { indices: entries.map(([row]) => row), values: entries.map(([, value]) => value) }),
        solve: () => {
          model.run();
          return { objective: Number(model.info.get('objective_function_value')), duals: model.getSolution().rowDual };
        },
      });
    }),
    minimise: (program, options) =>
      highs.withModel({ ...modelData(program, options.objective), integrality: new Int32Array(program.columnLower.length).fill(highs.constants.variableType.integer) }, (model) => run(highs, model, options)),
    contradiction: (program, wanted, shouldStop = () => false) => {
      const first = withContinuous(highs, program, (model) => infeasibleRows(highs, model, shouldStop));
      if (first === undefined || wanted === 'any' || shouldStop()) return first;
      // Of the rows of a ray HiGHS makes an irreducible set sooner than of all.
      const some = Array.from(first.keys()).filter((row) => first[row] !== 0);
      const kept = withContinuous(highs, rowsOf(program, some), (model) => irreducible(highs, model));
      const rows = kept === undefined ? some : kept.map((row) => some[row] ?? 0);
      const multipliers = withContinuous(highs, rowsOf(program, rows), (model) => infeasibleRows(highs, model, shouldStop));
      if (multipliers === undefined) return first;
      const all = new Float64Array(first.length);
      rows.forEach((row, index) => (all[row] = multipliers[index] ?? 0));
      return all;
    },
  };
}

function withContinuous<Result>(highs: Highs, program: MixedIntegerProgram, work: (model: Model) => Result): Result {
  return highs.withModel(modelData(program, new Map()), (model) => {
    // Without presolve the ray is one of the model as it was given.
    model.options.set({ output_flag: false, random_seed: 1, presolve: 'off', simplex_iteration_limit: MOST_ITERATIONS });
    return work(model);
  });
}

/** Multipliers of the rows (a dual ray) where the model is infeasible. */
function infeasibleRows(highs: Highs, model: Model, shouldStop: () => boolean): Float64Array | undefined {
  if (model.run({ [highs.constants.callbackType.simplexInterrupt]: interruptWhen(shouldStop) }).modelStatus !== highs.constants.modelStatus.infeasible) return undefined;
  return model.getDualRay()?.values;
}

/** Of an infeasible model the rows of an irreducible infeasible set; undefined when HiGHS finds none. */
function irreducible(highs: Highs, model: Model): number[] | undefined {
  model.options.set({ iis_strategy: highs.constants.iis.strategyRowPriority });
  const rowIndex = model.raw.getIis().value?.rowIndex ?? [];
  return rowIndex.length === 0 ? undefined : Array.from(rowIndex).sort((a, b) => a - b);
}

/** The program with these of its rows only. */
function rowsOf(program: MixedIntegerProgram, rows: readonly number[]): MixedIntegerProgram {
  const fewer = new ProgramBuilder();
  program.columnUpper.forEach((upper, column) => fewer.column(program.columnLower[column] ?? 0, upper));
  for (const row of rows) {
    const [start, end] = [program.rowStart[row] ?? 0, program.rowStart[row + 1] ?? 0];
    const entries = program.columnIndex.slice(start, end).map((column, index) => [column, program.value[start + index] ?? 0] as const);
    fewer.row(program.rowLower[row] ?? -Infinity, entries, program.rowUpper[row] ?? Infinity);
  }
  return fewer;
}

/** Far beyond what programs of the planner's size take. */
const MOST_ITERATIONS = 50_000;

function run(highs: Highs, model: Model, options: MipOptions): Outcome {
  const { callbackType, modelStatus } = highs.constants;
  model.options.set({ ...OPTIONS, mip_max_nodes: options.nodes });
  if (options.start !== undefined) model.setSolution({ colValue: options.start });
  const look = interruptWhen(options.shouldStop);
  const { modelStatus: status } = model.run({ [callbackType.mipInterrupt]: look, [callbackType.simplexInterrupt]: look });
  if (status === modelStatus.infeasible || status === modelStatus.unboundedOrInfeasible) return { status: 'infeasible', bound: Infinity };
  const found = model.info.get('primal_solution_status') === FEASIBLE;
  return {
    status: status === modelStatus.optimal ? 'optimal' : 'stopped',
    // A bound of a whole objective is whole; what HiGHS reports may lie a hair beyond it.
    bound: Math.ceil(Number(model.info.get('mip_dual_bound')) - 1e-6),
    ...(found ? { values: model.getSolution().colValue.map(Math.round) } : {}),
  };
}

function interruptWhen(shouldStop: () => boolean): (event: { interrupt(): void }) => undefined {
  return (event) => {
    if (shouldStop()) event.interrupt();
  };
}

/** kSolutionStatusFeasible of HighsInfo. */
const FEASIBLE = 2;

function modelData(program: MixedIntegerProgram, objective: MipOptions['objective']): ModelData {
  const [numCols, numRows] = [program.columnLower.length, program.rowLower.length];
  const colCost = new Float64Array(numCols);
  for (const [column, cost] of objective) colCost[column] = cost;
  return {
    numCols,
    numRows,
    colCost,
    colLower: program.columnLower,
    colUpper: program.columnUpper,
    rowLower: program.rowLower,
    rowUpper: program.rowUpper,
    matrix: { format: 'csr', numRows, numCols, starts: program.rowStart, indices: program.columnIndex, values: program.value },
  };
}
