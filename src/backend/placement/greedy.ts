/** One pass over the VMs, each to the host that suits it best. Quick, and the start of everything else. */

import { at, type Packing } from './packing';

/** `even` prefers the host that ends up least loaded, `tight` the one that ends up fullest. */
export type Preference = 'even' | 'tight';

/**
 * Places what fits, in the given order. With `even`, a VM returns to its previous host when it fits there.
 * The first of a group goes where most of its group fits.
 */
export function placeGreedily(packing: Packing, order: readonly number[], units: readonly (readonly number[])[], preference: Preference): void {
  for (const vm of order) {
    if (at(packing.vmHost, vm) >= 0) continue;
    const host = bestHost(packing, vm, at(units, vm), preference);
    if (host >= 0) packing.tryAdd(vm, host);
  }
}

/** The preferred host among those where the VM fits, −1 when there is none. Of very many hosts only the most promising are compared. */
export function bestHost(packing: Packing, vm: number, unit: readonly number[], preference: Preference, skip: ReadonlySet<number> = NO_HOSTS): number {
  const choice = new Choice(packing, vm, unit, preference);
  if (packing.index === undefined) {
    for (let host = 0; host < packing.problem.hostCount; host++) if (!skip.has(host)) choice.consider(host);
    return choice.best;
  }
  const previous = at(packing.problem.vmPreviousHost, vm);
  if (previous >= 0 && !skip.has(previous)) choice.consider(previous);
  packing.index.visit(preference === 'even' ? 'least first' : 'fullest first', (host) => {
    if (!skip.has(host)) choice.consider(host);
    return choice.seen < ENOUGH;
  });
  return choice.best;
}

/** Fitting hosts to compare when there are very many. */
const ENOUGH = 8;

class Choice {
  best = -1;
  seen = 0;
  private score = Infinity;
  private company = -1;
  private readonly companions: readonly number[];

  constructor(
    private readonly packing: Packing,
    private readonly vm: number,
    unit: readonly number[],
    private readonly preference: Preference,
  ) {
    this.companions = unit.length === 1 ? [] : unit.filter((peer) => peer !== vm && at(packing.vmHost, peer) < 0);
  }

  consider(host: number): void {
    const { packing, vm } = this;
    if (!packing.fits(vm, host)) return;
    this.seen++;
    const { load, company } = this.look(host);
    const score = this.preference === 'tight' ? -load : host === at(packing.problem.vmPreviousHost, vm) ? -1 : load;
    if (company < this.company || (company === this.company && score >= this.score)) return;
    [this.best, this.score, this.company] = [host, score, company];
  }

  /** The host's largest load with the VM on it, and how many of its companions would fit as well. */
  private look(host: number): { load: number; company: number } {
    const { packing, vm } = this;
    packing.add(vm, host);
    const load = packing.maxLoadOfHost(host);
    const company = this.companions.length > 0 ? companyAt(packing, this.companions, host) : 0;
    packing.remove(vm);
    return { load, company };
  }
}

/** How many of the companions fit on the host as well. Leaves the packing as it was. */
function companyAt(packing: Packing, companions: readonly number[], host: number): number {
  const added = companions.filter((peer) => packing.tryAdd(peer, host));
  for (const peer of added) packing.remove(peer);
  return added.length;
}

const NO_HOSTS: ReadonlySet<number> = new Set();
