/**
 * Google's machine reassignment problem of the ROADEF/EURO challenge 2012, and its files `model_*.txt` and `assignment_*.txt`:
 * whole numbers separated by white space, in the order of the challenge's problem description (section "Input").
 */

export interface Instance {
  readonly resourceCount: number;
  readonly machineCount: number;
  readonly serviceCount: number;
  readonly processCount: number;
  /** 1 where a process that moves takes the resource at both ends while it moves. */
  readonly transient: Uint8Array;
  readonly loadWeight: Float64Array;
  readonly neighbourhood: Int32Array;
  readonly location: Int32Array;
  /** `[machine * resourceCount + resource]`; beyond the safety capacity a load costs. */
  readonly capacity: Float64Array;
  readonly safetyCapacity: Float64Array;
  /** `[from * machineCount + to]` */
  readonly machineMoveCost: Float64Array;
  /** In how many locations the processes of a service must run at least. */
  readonly spread: Int32Array;
  /** `dependsOn[a]` holds b: wherever a process of a runs, some process of b runs in the same neighbourhood. */
  readonly dependsOn: readonly Int32Array[];
  readonly service: Int32Array;
  /** `[process * resourceCount + resource]` */
  readonly requirement: Float64Array;
  readonly processMoveCost: Float64Array;
  readonly balances: readonly Balance[];
  readonly weights: { readonly processMove: number; readonly serviceMove: number; readonly machineMove: number };
  /** The machine each process is on before. */
  readonly initial: Int32Array;
}

/** What a machine has free of `first`, times `target`, should not exceed what it has free of `second`. */
export interface Balance {
  readonly first: number;
  readonly second: number;
  readonly target: number;
  readonly weight: number;
}

/** Throws when the texts aren't such files, or don't belong together. */
export function readInstance(model: string, assignment: string): Instance {
  const numbers = new Numbers(model);
  const resources = numbers.list(() => ({ transient: numbers.next(), weight: numbers.next() }));
  const resourceCount = resources.length;
  const machineCount = numbers.next();
  const machines = numbers.times(machineCount, () => ({
    neighbourhood: numbers.next(),
    location: numbers.next(),
    capacities: numbers.times(resourceCount, () => numbers.next()),
    safetyCapacities: numbers.times(resourceCount, () => numbers.next()),
    moveCosts: numbers.times(machineCount, () => numbers.next()),
  }));
  const services = numbers.list(() => {
    const spread = numbers.next();
    return { spread, dependsOn: Int32Array.from(numbers.list(() => numbers.next())) };
  });
  const processes = numbers.list(() => ({
    service: numbers.next(),
    requirements: numbers.times(resourceCount, () => numbers.next()),
    moveCost: numbers.next(),
  }));
  const balances = numbers.list(() => ({ first: numbers.next(), second: numbers.next(), target: numbers.next(), weight: numbers.next() }));
  const weights = { processMove: numbers.next(), serviceMove: numbers.next(), machineMove: numbers.next() };
  numbers.end();
  return {
    resourceCount,
    machineCount,
    serviceCount: services.length,
    processCount: processes.length,
    transient: Uint8Array.from(resources, ({ transient }) => transient),
    loadWeight: Float64Array.from(resources, ({ weight }) => weight),
    neighbourhood: Int32Array.from(machines, ({ neighbourhood }) => neighbourhood),
    location: Int32Array.from(machines, ({ location }) => location),
    capacity: Float64Array.from(machines.flatMap(({ capacities }) => capacities)),
    safetyCapacity: Float64Array.from(machines.flatMap(({ safetyCapacities }) => safetyCapacities)),
    machineMoveCost: Float64Array.from(machines.flatMap(({ moveCosts }) => moveCosts)),
    spread: Int32Array.from(services, ({ spread }) => spread),
    dependsOn: services.map(({ dependsOn }) => dependsOn),
    service: Int32Array.from(processes, ({ service }) => service),
    requirement: Float64Array.from(processes.flatMap(({ requirements }) => requirements)),
    processMoveCost: Float64Array.from(processes, ({ moveCost }) => moveCost),
    balances,
    weights,
    initial: readAssignment(assignment, processes.length, machineCount),
  };
}

/** One machine a process. */
export function readAssignment(text: string, processCount: number, machineCount: number): Int32Array {
  const numbers = new Numbers(text);
  const machines = Int32Array.from(numbers.times(processCount, () => numbers.next()));
  numbers.end();
  if (machines.some((machine) => machine < 0 || machine >= machineCount)) throw new Error('An assignment names a machine that the model doesn\'t have.');
  return machines;
}

class Numbers {
  private readonly words: readonly string[];
  private position = 0;

  constructor(text: string) {
    this.words = text.split(/\s+/).filter((word) => word !== '');
  }

  next(): number {
    const word = this.words[this.position++];
    const value = Number(word);
    if (word === undefined || !Number.isInteger(value)) throw new Error(`Number ${this.position} should be a whole number, but is ${word ?? 'missing'}.`);
    return value;
  }

  times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }

  /** A count, then that many. */
  list<T>(read: () => T): T[] {
    return this.times(this.next(), read);
  }

  end(): void {
    if (this.position < this.words.length) throw new Error(`After ${this.position} numbers the file should end.`);
  }
}
