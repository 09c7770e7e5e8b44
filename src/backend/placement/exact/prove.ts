/**
 * Level by level with the solver: what local search has reached is either proven best, or improved, or left with a bound. A bound says what the best is
 * among the plans that do as well on the levels above it; the solver is asked for one only when those are proven.
 */

import { Ensemble, hopelessVms } from '../bounds';
import { leastBytesMoved } from '../bytesBound';
import { compareLevels } from '../objective';
import { seededNumbers } from '../order';
import { at } from '../packing';
import type { Problem, Solution } from '../problem';
import { bringHome } from '../search/homecoming';
import { assess, compareSolved, settleAround, type Solved } from '../solve';
import { bearFailures } from './bearFailures';
import { AssignmentProgram, commonUnit, type Counted } from './assignment';
import { isPossible, moveFewerBytes } from './neighbourhoods';
import { hostPatterns, type CountedHosts } from './hostPatterns';
import { fewestByPatterns } from './patterns';
import { polish } from './polish';
import type { LinearSolver, MipSolver, Outcome } from './program';

export interface ProveOptions {
  /** Branch-and-bound nodes for each question to the solver. */
  readonly nodes: number;
  /** Called with each better solution or bound. */
  readonly onProgress: (solved: Solved) => void;
  readonly shouldStop: () => boolean;
}

/** Programs beyond this many columns take the solver longer than anybody waits. */
const MOST_COLUMNS = 20_000;

/** Of the walk that brings home what has moved: for each VM and host, and for all of them. */
const WALK_STEPS = 400;
const FEWEST_WALK_STEPS = 20_000;
const MOST_WALK_STEPS = 15_000_000;

export function prove(problem: Problem, start: Solved, solver: MipSolver & LinearSolver, options: ProveOptions): Solved {
  return new Proof(problem, start, solver, options).run();
}

class Proof {
  private best: Solved;

  constructor(
    private readonly problem: Problem,
    start: Solved,
    private readonly solver: MipSolver & LinearSolver,
    private readonly options: ProveOptions,
  ) {
    this.best = start;
  }

  run(): Solved {
    this.placed();
    this.survived();
    this.bytes();
    this.offer(polish(this.problem, this.best, this.options));
    if (this.isPlaced() && this.isSurvived() && this.areBytesProven()) {
      if (this.problem.goal === 'balance') this.loads();
      else this.hosts();
      this.moves();
    }
    return this.best;
  }

  private isPlaced(): boolean {
    return compareLevels(this.best.measures.out, this.best.bounds.out) === 0;
  }

  private isSurvived(): boolean {
    return this.best.shortfall === this.best.shortfallBound;
  }

  /** Takes a solution over when it is truly better; of the bounds always the better ones. */
  private offer(candidate: Solved): void {
    const { best } = this;
    if (candidate === best) return;
    const isBetter = compareSolved(this.problem.goal, candidate, best) < 0;
    const bounds = { ...candidate.bounds, out: larger(candidate.bounds.out, best.bounds.out) };
    const isAsPlaced = compareLevels(candidate.measures.out, best.measures.out) === 0;
    if (isBetter) this.accept({ ...candidate, bounds: isAsPlaced ? { ...bounds, bytesMoved: Math.max(bounds.bytesMoved, best.bounds.bytesMoved) } : bounds });
  }

  private accept(solved: Solved): void {
    this.best = solved;
    this.options.onProgress(solved);
  }

  private adopt(solution: Solution | undefined): void {
    if (solution === undefined || !isPossible(this.problem, solution)) return;
    this.offer(assess(this.problem, solution, this.best.bounds.out));
    this.offer(settleAround(this.problem, solution));
  }

  /** Raises bounds; what is reached is never below them. */
  private bound(bounds: Partial<Solved['bounds']>): void {
    const merged = { ...this.best.bounds, ...bounds };
    if (JSON.stringify(merged) !== JSON.stringify(this.best.bounds)) this.accept({ ...this.best, bounds: merged });
  }

  /** As few VMs left out as can be, the highest priority first. */
  private placed(): void {
    if (this.isPlaced()) return;
    const program = new AssignmentProgram(this.problem, { kind: 'nothing' });
    if (program.size > MOST_COLUMNS) return;
    const bound = [...this.best.bounds.out];
    for (let level = 0; level < this.best.measures.out.length; level++) {
      const outside = program.outsideAt(level);
      const costs = ones(program.outAt(level));
      const outcome = this.minimise(program, costs);
      this.adopt(this.better(program, outcome, costs));
      const reached = at(this.best.measures.out, level);
      bound[level] = Math.max(at(bound, level), Math.min(outside + outcome.bound, reached));
      this.bound({ out: larger(this.best.bounds.out, bound) });
      if (bound[level] !== reached) return;
      program.fixOut(level, reached - outside);
    }
  }

  /** The program knows no failures: what it proves below this level holds all the same, because it looks at more placements than bear them as well. */
  private survived(): void {
    if (this.isSurvived() || this.options.shouldStop()) return;
    this.adopt(bearFailures(this.problem, this.best, this.options.shouldStop));
  }

  /** The fewest bytes moved with just as many VMs placed. */
  private bytes(): void {
    this.boundBytes();
    if (!this.isPlaced() || this.areBytesProven() || this.options.shouldStop()) return;
    this.walkHome();
    if (this.areBytesProven() || this.options.shouldStop()) return;
    const { bounds } = this.best;
    const program = new AssignmentProgram(this.problem, { kind: 'nothing' });
    if (program.size > MOST_COLUMNS) {
      const { solution } = this.best;
      this.adopt(moveFewerBytes(this.problem, solution, { solver: this.solver, shouldStop: this.options.shouldStop, onBetter: (better) => this.adopt(better) }));
      return;
    }
    this.fixOut(program);
    const unit = commonUnit([...program.bytes().values()]);
    const costs = new Map([...program.bytes()].map(([column, bytes]) => [column, bytes / unit]));
    const outcome = this.minimise(program, costs);
    this.adopt(this.better(program, outcome, costs));
    this.bound({ bytesMoved: Math.min(this.best.measures.bytesMoved, Math.max(bounds.bytesMoved, outcome.bound * unit)) });
  }

  private areBytesProven(): boolean {
    return this.best.measures.bytesMoved === this.best.bounds.bytesMoved;
  }

  /** What the sizes alone prove where nobody is left out who fits anywhere. */
  private boundBytes(): void {
    const { measures, bounds } = this.best;
    const hopeless = hopelessVms(this.problem);
    if (measures.bytesMoved === 0 || measures.out.reduce((sum, count) => sum + count, 0) > hopeless.size) return;
    this.bound({ bytesMoved: Math.min(measures.bytesMoved, Math.max(bounds.bytesMoved, leastBytesMoved(this.problem, hopeless))) });
  }

  private walkHome(): void {
    const { problem, best } = this;
    const steps = Math.min(MOST_WALK_STEPS, Math.max(FEWEST_WALK_STEPS, problem.vmCount * problem.hostCount * WALK_STEPS));
    const options = { steps, random: seededNumbers(problem.vmCount + 5), leastBytes: best.bounds.bytesMoved, shouldStop: this.options.shouldStop };
    const found = bringHome(problem, best.solution, options);
    if (found !== best.solution) this.adopt(found);
  }

  /** The largest load, then the next: how many hosts must reach each hundredth that is reached now, from the top. */
  private loads(): void {
    const [largest, bound] = [this.best.measures.loads[0] ?? 0, this.best.bounds.loads[0] ?? 0];
    const must = largest > bound ? this.byPatterns({ kind: 'loads', steps: [largest], reach: [] }, 0, 1) : 0;
    const first = this.level({ kind: 'largest load' }, (solved) => solved.measures.loads[0] ?? 0, must > 0 ? largest : bound);
    if (first === undefined) return;
    const least = this.ensemble().loadBound();
    this.bound({ loads: larger(this.best.bounds.loads, least([first])) });
    if (first < (this.best.measures.loads[0] ?? 0)) return;
    const steps: number[] = [];
    const reach: number[] = [];
    for (let step = this.best.measures.loads[0] ?? 0; step > 0; step = this.best.measures.loads.find((load) => load < step) ?? 0) {
      steps.push(step);
      const reached = (loads: readonly number[]) => loads.filter((load) => load >= step).length;
      const higher = this.best.measures.loads.filter((load) => load > step);
      const counts = { kind: 'loads', steps: [...steps], reach: [...reach] } as const;
      const fewest = this.level(counts, (solved) => reached(solved.measures.loads), this.byPatterns(counts, reached(least(higher)), reached(this.best.measures.loads)));
      if (fewest === undefined) return;
      const { loads } = this.best.measures;
      this.bound({ loads: larger(this.best.bounds.loads, least(loads.slice(0, fewest))) });
      if (fewest < reached(loads)) return;
      reach.push(fewest);
    }
    this.bound({ loads: this.best.measures.loads });
  }

  private hosts(): void {
    const { measures, bounds } = this.best;
    const least = this.level({ kind: 'hosts in use' }, (solved) => solved.measures.hostsUsed, this.byPatterns({ kind: 'in use' }, bounds.hostsUsed, measures.hostsUsed));
    if (least !== undefined) this.bound({ hostsUsed: least });
  }

  private ensemble(): Ensemble {
    return new Ensemble(this.problem, hopelessVms(this.problem), this.best.measures.out);
  }

  /** The fewest hosts that count, `least` at least: patterns often settle what the solver would search long for. */
  private byPatterns(counted: CountedHosts, least: number, reached: number): number {
    if (reached <= least || this.options.shouldStop()) return least;
    const question = hostPatterns(this.problem, this.ensemble(), this.best.solution, counted);
    return question === undefined ? least : fewestByPatterns({ ...question, least, reached, shouldStop: this.options.shouldStop }, this.solver);
  }

  /** One question below the bytes moved. The proven least, undefined when the solver wasn't asked. */
  private level(counts: Counted, value: (solved: Solved) => number, known: number): number | undefined {
    if (value(this.best) <= known) return known;
    if (this.options.shouldStop()) return undefined;
    const program = this.programAsGood(counts);
    if (program.size > MOST_COLUMNS) return undefined;
    const costs = ones(program.counted);
    const outcome = this.minimise(program, costs);
    this.adopt(this.better(program, outcome, costs));
    return Math.min(value(this.best), Math.max(known, outcome.bound));
  }

  /** The fewest moves for what the levels above have come to. */
  private moves(): void {
    const { problem, best } = this;
    const isGoalProven = compareLevels(best.measures.loads, best.bounds.loads) === 0 && best.measures.hostsUsed === best.bounds.hostsUsed;
    if (!isGoalProven || best.measures.moves === best.bounds.moves || this.options.shouldStop()) return;
    const steps = [...new Set(best.measures.loads)].filter((load) => load > 0);
    const program = this.programAsGood(problem.goal === 'balance' ? { kind: 'loads', steps, reach: steps.map((step) => best.measures.loads.filter((load) => load >= step).length) } : { kind: 'hosts in use' });
    if (program.size > MOST_COLUMNS) return;
    if (problem.goal === 'consolidate') program.limit(ones(program.counted), best.measures.hostsUsed);
    const outcome = this.minimise(program, program.moves());
    const { values } = outcome;
    if (values !== undefined) this.adopt(program.solution(values, best.solution));
    this.bound({ moves: Math.min(this.best.measures.moves, Math.max(best.bounds.moves, outcome.bound)) });
  }

  /** A program of the placements that are as good as the best one down to the bytes moved. */
  private programAsGood(counts: Counted): AssignmentProgram {
    const program = new AssignmentProgram(this.problem, counts);
    this.fixOut(program);
    const bytes = program.bytes();
    const unit = commonUnit([...bytes.values()]);
    if (bytes.size > 0) program.limit(new Map([...bytes].map(([column, cost]) => [column, cost / unit])), Math.floor(this.best.measures.bytesMoved / unit));
    return program;
  }

  private fixOut(program: AssignmentProgram): void {
    this.best.measures.out.forEach((count, level) => program.fixOut(level, count - program.outsideAt(level)));
  }

  private minimise(program: AssignmentProgram, objective: ReadonlyMap<number, number>): Outcome {
    return this.solver.minimise(program.program, { objective, nodes: this.options.nodes, start: program.point(this.best.solution), shouldStop: this.options.shouldStop });
  }

  /** The solver's solution when it says that it is better; whether it is, the measures tell, and the checker. */
  private better(program: AssignmentProgram, { values }: Outcome, costs: ReadonlyMap<number, number>): Solution | undefined {
    if (values === undefined || AssignmentProgram.cost(costs, values) >= AssignmentProgram.cost(costs, program.point(this.best.solution))) return undefined;
    return program.solution(values, this.best.solution);
  }
}

function ones(columns: readonly number[]): Map<number, number> {
  return new Map(columns.map((column) => [column, 1]));
}

/** The larger of two bounds, place by place from the first. */
function larger(a: readonly number[], b: readonly number[]): readonly number[] {
  return compareLevels(a, b) >= 0 ? a : b;
}
