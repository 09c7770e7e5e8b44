/** What may be held of a VM left out and of those that go before it, and the problem that is left when some of it is waived. */

import { BANDWIDTH, CPU, FIRST_DEVICE, IOPS, MEMORY, SPACE, type Formulation } from './formulation';
import { natureObstacle } from './moving';
import { at } from './packing';
import type { Problem, Solution } from './problem';

/** What a VM asks of its host, or the plan of its moves. */
export type Requirement =
  | { readonly kind: 'row'; readonly row: number }
  | { readonly kind: 'disk'; readonly disk: number; readonly row: number }
  | { readonly kind: 'pin' | 'volume'; readonly disk: number }
  | { readonly kind: 'apart'; readonly from: number }
  | { readonly kind: 'on' | 'nature' | 'together' | 'moves' };

/** Requirements that are to hold together; what isn't named here is waived. */
export interface Held {
  readonly own: readonly Requirement[];
  /** VMs that are to run as well. */
  readonly others: readonly number[];
}

/** Those least telling come first: they are the first to be dropped. */
export function ownRequirements({ problem, vms, hosts }: Formulation, vm: number): Requirement[] {
  const { model } = at(vms, vm);
  const disks = Array.from(at(problem.vmDisks, vm));
  const isPinned = (disk: number) => at(problem.diskVolume, disk) >= 0 && at(problem.diskHome, disk) >= 0 && at(problem.volumeHost, at(problem.diskHome, disk)) >= 0;
  const rows = [IOPS, BANDWIDTH, SPACE].flatMap((row) => disks.filter((disk) => at(problem.diskLoad, disk * problem.volumeRows + row) > 0).map((disk) => ({ kind: 'disk' as const, disk, row })));
  return [
    ...rows,
    { kind: 'row', row: CPU },
    { kind: 'row', row: MEMORY },
    ...Array.from({ length: problem.hostRows }, (_, row) => row).filter((row) => row >= FIRST_DEVICE && at(problem.vmLoad, vm * problem.hostRows + row) > 0).map((row) => ({ kind: 'row' as const, row })),
    ...(at(problem.vmTogether, vm) >= 0 ? [{ kind: 'together' as const }] : []),
    ...Array.from(at(problem.vmApart, vm), (from) => ({ kind: 'apart' as const, from })),
    ...(model.placement.on === undefined ? [] : [{ kind: 'on' as const }]),
    ...(hosts.some((host) => natureObstacle(model, host.model) !== undefined) ? [{ kind: 'nature' as const }] : []),
    ...(Number.isFinite(problem.maxMoves) && problem.maxMoves > 0 ? [{ kind: 'moves' as const }] : []),
    ...disks.filter((disk) => at(problem.diskVolume, disk) < 0).map((disk) => ({ kind: 'volume' as const, disk })),
    ...disks.filter(isPinned).map((disk) => ({ kind: 'pin' as const, disk })),
  ];
}

/** VMs that go before this one: of the same or higher priority and placed. Those on hosts that don't concern it come first. */
export function rivals(problem: Problem, solution: Solution, vm: number): number[] {
  const concerns = (other: number) => at(at(problem.vmAllowed, vm), at(solution.vmHost, other));
  const placed = Array.from({ length: problem.vmCount }, (_, other) => other).filter(
    (other) => other !== vm && at(solution.vmHost, other) >= 0 && (at(problem.vmLevel, other) <= at(problem.vmLevel, vm) || at(problem.vmFixedHost, other) >= 0),
  );
  return placed.sort((a, b) => concerns(a) - concerns(b) || a - b);
}

/** VMs that would go before this one or are as dear, and are left out as well; without the `hopeless`, which fit nowhere in any case. */
export function waitingRivals(problem: Problem, solution: Solution, vm: number, hopeless: ReadonlySet<number>): number[] {
  return Array.from({ length: problem.vmCount }, (_, other) => other).filter((other) => other !== vm && at(solution.vmHost, other) < 0 && at(problem.vmLevel, other) <= at(problem.vmLevel, vm) && !hopeless.has(other));
}

/** The problem with the VM's dropped requirements gone, and only the VMs that are held fixed where they run. */
export function relax(formulation: Formulation, vm: number, held: Held): Problem {
  const { problem } = formulation;
  const holds = (wanted: Partial<Requirement>) => held.own.some((own) => Object.entries(wanted).every(([key, value]) => own[key as keyof Requirement] === value));
  const vmLoad = problem.vmLoad.slice();
  for (let row = 0; row < problem.hostRows; row++) if (!holds({ kind: 'row', row })) vmLoad[vm * problem.hostRows + row] = 0;
  const diskLoad = problem.diskLoad.slice();
  const diskHome = problem.diskHome.slice();
  const diskVolume = problem.diskVolume.slice();
  const diskIgnored = problem.diskIgnored.slice();
  const allowed = allowedStill(formulation, vm, { on: holds({ kind: 'on' }), nature: holds({ kind: 'nature' }) });
  for (const disk of at(problem.vmDisks, vm)) {
    for (let row = 0; row < problem.volumeRows; row++) if (!holds({ kind: 'disk', disk, row })) diskLoad[disk * problem.volumeRows + row] = 0;
    if (at(diskVolume, disk) < 0 && !holds({ kind: 'volume', disk })) diskIgnored[disk] = 1;
    const home = at(diskHome, disk);
    const owner = home < 0 ? -1 : at(problem.volumeHost, home);
    if (owner < 0 || at(problem.diskVolume, disk) < 0) continue;
    if (holds({ kind: 'pin', disk })) allowed.forEach((_, host) => host !== owner && (allowed[host] = 0));
    else {
      diskHome[disk] = diskVolume[disk] = -1;
      diskIgnored[disk] = 1;
    }
  }
  for (let disk = 0; disk < problem.diskCount; disk++) {
    // The disks of VMs that aren't held might be moved as well: they are in nobody's way.
    const other = at(problem.diskVm, disk);
    if (other !== vm && at(diskVolume, disk) < 0 && !held.others.includes(other)) diskHome[disk] = -1;
  }
  const freeFrom = new Set(Array.from(at(problem.vmApart, vm)).filter((from) => !holds({ kind: 'apart', from })));
  const stays = new Set(held.others);
  return {
    ...problem,
    vmLoad,
    maxMoves: holds({ kind: 'moves' }) ? problem.maxMoves : Infinity,
    diskLoad,
    diskHome,
    diskVolume,
    diskIgnored,
    vmAllowed: problem.vmAllowed.map((hosts, other) => (other === vm ? allowed : hosts)),
    vmApart: problem.vmApart.map((others, other) => (other === vm ? others.filter((from) => !freeFrom.has(from)) : freeFrom.has(other) ? others.filter((peer) => peer !== vm) : others)),
    vmTogether: problem.vmTogether.map((group, other) => (other === vm && !holds({ kind: 'together' }) ? -1 : group)),
    vmFixedHost: problem.vmFixedHost.map((host, other) => (stays.has(other) ? host : -1)),
  };
}

/** The hosts that what is still held of the VM's own rules leaves it. */
export function allowedStill({ problem, vms, hosts }: Formulation, vm: number, held: { readonly on: boolean; readonly nature: boolean }): Uint8Array {
  const { model } = at(vms, vm);
  return problem.hostAvailable.map((available, host) => {
    const isOn = !held.on || (model.placement.on?.includes(at(hosts, host).model.name) ?? true);
    return Number(available === 1 && isOn && (!held.nature || natureObstacle(model, at(hosts, host).model) === undefined));
  });
}
