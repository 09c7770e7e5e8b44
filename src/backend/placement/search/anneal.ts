/**
 * Simulated annealing over anything that can propose a change and say what it would cost (Kirkpatrick, Gelatt, Vecchi,
 * *Optimization by Simulated Annealing*, 1983). It knows no VMs and no hosts: the caller brings the changes and the objective.
 * A fixed number of steps and nothing but whole numbers and + − × ÷, so that a walk is the same on every machine.
 */

/** What is walked over. It holds the current state. */
export interface Landscape {
  /** Thinks of a random change and says by how much the cost would rise; undefined when there is none, or it isn't allowed. */
  propose(random: RandomBelow): number | undefined;
  /** Makes the change proposed last. False, with nothing changed, when a rule forbids it that was too dear to look at in `propose`. */
  commit(): boolean;
  /** Remembers the current state as the best so far. */
  keep(): void;
  /** The walk ends when there is nothing left to do. */
  readonly isDone: boolean;
}

/** Whole numbers from 0 to `below` − 1. */
export type RandomBelow = (below: number) => number;

export interface Annealing {
  readonly steps: number;
  /** A rise in cost of about this much is taken readily at the beginning; a thousandth of it hardly ever after three quarters of the steps, a millionth at the end. */
  readonly warmth: number;
  readonly random: RandomBelow;
}

/** Walks, and keeps the best state met, if it is better than the first. Returns how much lower the best cost is: 0 when nothing better was found. */
export function anneal(landscape: Landscape, { steps, warmth, random }: Annealing): number {
  const patience = patienceTable();
  const stage = Math.max(1, Math.floor(steps / STAGES));
  let [cost, best, kept] = [0, 0, 0];
  let temperature = warmth;
  for (let step = 1; step <= steps && !landscape.isDone; step++) {
    if (step % stage === 0) temperature *= step < steps * SLOW_SHARE ? SLOW_COOLING : FAST_COOLING;
    const change = landscape.propose(random);
    if (change === undefined || change > temperature * (patience[random(PATIENCE_SIZE)] as number)) continue;
    // The best state is remembered when it is left, not each time it gets better.
    if (change > 0 && cost === best && best < kept) {
      landscape.keep();
      kept = best;
    }
    if (!landscape.commit()) continue;
    cost += change;
    if (cost < best) best = cost;
  }
  if (best < kept && cost === best) landscape.keep();
  return 0 - best;
}

/** 0.95 to the power of 135 is a thousandth, and so is 0.8575 to the power of 45. */
const STAGES = 180;
const SLOW_SHARE = 0.75;
const SLOW_COOLING = 0.95;
const FAST_COOLING = 0.8575;

const PATIENCE_SIZE = 4096;

/**
 * −ln u for u spread evenly over (0, 1): a change is taken when it is at most temperature × one of these at random, which is
 * Metropolis' exp(−change ÷ temperature) without `Math.exp`, whose last digit differs between engines.
 */
function patienceTable(): Float64Array {
  return Float64Array.from({ length: PATIENCE_SIZE }, (_, index) => naturalLogarithm(PATIENCE_SIZE / (index + 0.5)));
}

/** ln x = 2 artanh((x − 1) ÷ (x + 1)), after halving x into reach. For x ≥ 1. */
function naturalLogarithm(x: number): number {
  let halvings = 0;
  let rest = x;
  for (; rest > 1.5; rest /= 2) halvings++;
  const z = (rest - 1) / (rest + 1);
  let [sum, power] = [0, z];
  for (let term = 1; term < 40; term += 2) {
    sum += power / term;
    power *= z * z;
  }
  return halvings * LN_2 + 2 * sum;
}

const LN_2 = 0.6931471805599453;
