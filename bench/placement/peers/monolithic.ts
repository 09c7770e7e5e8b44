/**
 * One mixed-integer program for everything, the textbook's way: x[v,h] for each VM and each host it may be on, in the same HiGHS that the planner asks.
 * One objective holds what matters first and second: VMs left out, then the bytes moved or the largest load.
 */

import { hasMoves, LOAD_STEPS, type Problem } from '../../../src/backend/placement/problem';
import { at } from '../../../src/backend/placement/packing';
import { ProgramBuilder, type MipSolver } from '../../../src/backend/placement/exact/program';

export interface MonolithicOptions {
  readonly nodes: number;
  readonly shouldStop: () => boolean;
}

/** Host of each VM, −1 when left out. Volumes aren't decided: for pools with one array a host, or with shared storage only. Undefined when nothing was found. */
export function solveMonolithically(problem: Problem, solver: MipSolver, options: MonolithicOptions): Int32Array | undefined {
  const program = new ProgramBuilder();
  const objective = new Map<number, number>();
  const columns = Array.from({ length: problem.vmCount }, (_, vm) => hostsOf(problem, vm).map((host) => ({ host, column: program.column(0, 1) })));
  const moves = hasMoves(problem);
  for (const [vm, choices] of columns.entries()) {
    const out = program.column(0, 1);
    objective.set(out, LEFT_OUT);
    program.row(1, [...choices.map(({ column }): [number, number] => [column, 1]), [out, 1]], 1);
    for (const { host, column } of choices) {
      const running = at(problem.vmRunningHost, vm);
      if (running >= 0 && running !== host) objective.set(column, Math.round(at(problem.vmMoveBytes, vm) / MIB));
    }
  }
  const largest = program.column(0, LOAD_STEPS);
  if (!moves) objective.set(largest, 1);
  for (let host = 0; host < problem.hostCount; host++) addRows(program, problem, columns, host, moves ? undefined : largest);
  const { values } = solver.minimise(program, { objective, ...options });
  if (values === undefined) return undefined;
  return Int32Array.from(columns, (choices) => choices.find(({ column }) => values[column] === 1)?.host ?? -1);
}

const MIB = 2 ** 20;
/** More than all memory of the pools here, in MiB. */
const LEFT_OUT = 1e8;

type Choices = readonly (readonly { readonly host: number; readonly column: number }[])[];

/** The rows of a host and of its arrays, each also against the largest load where that counts. */
function addRows(program: ProgramBuilder, problem: Problem, columns: Choices, host: number, largest: number | undefined): void {
  const here = columns.flatMap((choices, vm) => choices.filter((choice) => choice.host === host).map(({ column }) => ({ vm, column })));
  const add = (loadOf: (vm: number) => number, capacity: number, isBalanced: boolean) => {
    const entries = here.map(({ vm, column }): [number, number] => [column, loadOf(vm) / Math.max(1, capacity)]).filter(([, load]) => load > 0);
    if (entries.length === 0 || !Number.isFinite(capacity)) return;
    program.row(-Infinity, entries, 1);
    if (isBalanced && largest !== undefined) program.row(-Infinity, [...entries, [largest, -1 / LOAD_STEPS]], 0);
  };
  for (let row = 0; row < problem.hostRows; row++) {
    add((vm) => at(problem.vmLoad, vm * problem.hostRows + row), at(problem.hostCapacity, host * problem.hostRows + row), problem.hostRowBalanced[row] ?? false);
  }
  for (const volume of at(problem.hostVolumes, host)) {
    for (let row = 0; row < problem.volumeRows; row++) {
      const load = (vm: number) => Array.from(at(problem.vmDisks, vm)).reduce((sum, disk) => sum + (at(problem.diskVolume, disk) < 0 ? at(problem.diskLoad, disk * problem.volumeRows + row) : 0), 0);
      add(load, at(problem.volumeCapacity, volume * problem.volumeRows + row), problem.volumeRowBalanced[row] ?? false);
    }
  }
}

function hostsOf(problem: Problem, vm: number): number[] {
  return Array.from({ length: problem.hostCount }, (_, host) => host).filter((host) => at(at(problem.vmAllowed, vm), host) === 1);
}
