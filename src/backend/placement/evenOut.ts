/**
 * Evens out the loads of hosts: the largest as small as possible, then the next, down to what is proven possible. A host sheds load onto others
 * until it is a hundredth lower; these take no more than leaves their own place in the order unchanged.
 */

import { seededNumbers } from './order';
import { at, type Packing } from './packing';
import { HostPairs } from './pairs';

export interface EvenOutOptions {
  readonly units: readonly (readonly number[])[];
  /** Subsets that may be looked at in all. */
  readonly work: number;
  /** What no placement with these largest loads can beat: the hosts' loads in hundredths, largest first. */
  readonly least: (largest: readonly number[]) => readonly number[];
  /** Attempts at each host before it is left as it is. */
  readonly rounds: number;
  /** Asked after each host that was brought down: whether that may stay. */
  readonly allows: () => boolean;
  readonly shouldStop?: () => boolean;
}

export function evenOut(packing: Packing, options: EvenOutOptions): void {
  new Evening(packing, options).run();
}

/** Subsets that take about as long as looking at one host. */
const LOOKS = 3;

/** Of very many hosts only the least loaded are asked to take something. */
const MOST_PARTNERS = 64;

class Evening {
  private readonly pairs: HostPairs;
  private readonly hosts: number[];
  private readonly random = seededNumbers(11);

  constructor(
    private readonly packing: Packing,
    private readonly options: EvenOutOptions,
  ) {
    this.pairs = new HostPairs(packing, options.units);
    this.hosts = Array.from({ length: packing.problem.hostCount }, (_, host) => host).filter((host) => at(packing.problem.hostAvailable, host) === 1);
  }

  run(): void {
    for (let step = this.hosts.reduce((most, host) => Math.max(most, this.pairs.step(host)), 0); step > 0; step--) {
      const higher = this.hosts.map((host) => this.pairs.step(host)).filter((load) => load > step).sort((a, b) => b - a);
      const atLeast = this.options.least(higher).filter((load) => load >= step).length;
      const failed = new Set<number>();
      for (;;) {
        const above = this.hosts.filter((host) => this.pairs.step(host) >= step);
        const host = above.find((candidate) => this.pairs.step(candidate) === step && !failed.has(candidate));
        if (above.length <= atLeast || host === undefined) break;
        if (this.isSpent()) return;
        if (!this.lower(host, step)) failed.add(host);
      }
    }
  }

  private isSpent(): boolean {
    return this.pairs.work >= this.options.work || (this.options.shouldStop?.() ?? false);
  }

  /** Brings the host below the step, or leaves everything as it was. */
  private lower(host: number, step: number): boolean {
    const before = this.packing.solution();
    const others = this.hosts.filter((other) => other !== host);
    for (let round = 0; round < this.options.rounds && !this.isSpent(); round++) {
      // Looking at every host costs as well, and of very many hosts most of all.
      this.pairs.work += this.hosts.length * LOOKS;
      const row = this.pairs.worstRow(host, step - 1);
      if (row < 0) break;
      const partners = this.bySlack(others, row, step);
      let isRelieved = false;
      for (const to of partners.slice(0, MOST_PARTNERS)) {
        isRelieved = this.pairs.relieve({ from: host, to, row, floor: step - 1, ceiling: this.ceiling(to, step) }) || isRelieved;
        if (this.pairs.step(host) < step) {
          if (this.options.allows()) return true;
          this.packing.load(before);
          return false;
        }
      }
      if (!isRelieved) this.gatherSlack(partners, row, step);
    }
    this.packing.load(before);
    return false;
  }

  /**
   * Fills each host of a chain to the brim from the next one: room that lies in one place, the chain's end, is of more use than the same room
   * here and there. Two hosts' VMs have so many subsets that next to nothing is left over on the way.
   */
  private gatherSlack(hosts: readonly number[], row: number, step: number): void {
    const chain = [...hosts];
    for (let last = chain.length - 1; last > 0; last--) {
      const other = this.random(last + 1);
      [chain[last], chain[other]] = [at(chain, other), at(chain, last)];
    }
    chain.slice(0, MOST_PARTNERS).forEach((to, link) => {
      const from = chain[link + 1];
      if (from !== undefined) this.pairs.relieve({ from, to, row, floor: this.ceiling(from, step), ceiling: this.ceiling(to, step) });
    });
  }

  private ceiling(host: number, step: number): number {
    return Math.max(this.pairs.step(host), step - 1);
  }

  private bySlack(hosts: readonly number[], row: number, step: number): number[] {
    const { table } = this.pairs;
    const slack = new Map(hosts.map((host) => [host, table.limit(host, row, this.ceiling(host, step)) - table.used(this.packing, host, row)]));
    return hosts.filter((host) => (slack.get(host) ?? 0) > 0).sort((a, b) => (slack.get(b) ?? 0) - (slack.get(a) ?? 0) || a - b);
  }
}
