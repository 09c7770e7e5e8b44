/** HiGHS (https://highs.dev, MIT) behind the narrow interface of `program.ts`. */

import type { Highs, Model, ModelData } from 'highs';
import type { LinearSolver, MipOptions, MipSolver, MixedIntegerProgram, Outcome } from './program';

/**
 * Node limits instead of time limits, one thread, a fixed seed: identical answers on every machine. Gaps are absolute and below one, because objectives
 * are whole numbers.
 */
const OPTIONS = { output_flag: false, random_seed: 1, mip_rel_gap: 0, mip_abs_gap: 0.999 } as const;

export function highsSolver(highs: Highs): MipSolver & LinearSolver {
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
      highs.withModel(modelData(highs, program, options), (model) => run(highs, model, options)),
  };
}

function run(highs: Highs, model: Model, options: MipOptions): Outcome {
  const { callbackType, modelStatus } = highs.constants;
  model.options.set({ ...OPTIONS, mip_max_nodes: options.nodes });
  if (options.start !== undefined) model.setSolution({ colValue: options.start });
  const look = (event: { interrupt(): void }): undefined => {
    if (options.shouldStop()) event.interrupt();
  };
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

/** kSolutionStatusFeasible of HighsInfo. */
const FEASIBLE = 2;

function modelData(highs: Highs, program: MixedIntegerProgram, { objective }: MipOptions): ModelData {
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
    integrality: new Int32Array(numCols).fill(highs.constants.variableType.integer),
  };
}
