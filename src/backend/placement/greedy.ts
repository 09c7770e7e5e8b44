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

/** The preferred host among those where the VM fits, −1 when there is none. */
export function bestHost(packing: Packing, vm: number, unit: readonly number[], preference: Preference, skip: ReadonlySet<number> = NO_HOSTS): number {
  const previous = at(packing.problem.vmPreviousHost, vm);
  const companions = unit.filter((peer) => peer !== vm && at(packing.vmHost, peer) < 0);
  let best = -1;
  let bestScore = Infinity;
  let bestCompany = -1;
  for (let host = 0; host < packing.problem.hostCount; host++) {
    if (skip.has(host) || !packing.fits(vm, host)) continue;
    packing.add(vm, host);
    const load = packing.maxLoadOfHost(host);
    const company = companions.length > 0 ? companyAt(packing, companions, host) : 0;
    packing.remove(vm);
    const score = preference === 'tight' ? -load : host === previous ? -1 : load;
    if (company > bestCompany || (company === bestCompany && score < bestScore)) {
      best = host;
      bestScore = score;
      bestCompany = company;
    }
  }
  return best;
}

/** How many of the companions fit on the host as well. Leaves the packing as it was. */
function companyAt(packing: Packing, companions: readonly number[], host: number): number {
  const added = companions.filter((peer) => packing.tryAdd(peer, host));
  for (const peer of added) packing.remove(peer);
  return added.length;
}

const NO_HOSTS: ReadonlySet<number> = new Set();
