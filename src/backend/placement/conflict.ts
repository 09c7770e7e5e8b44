/**
 * The smallest set of requirements that can't hold together for a VM left out, by a deletion filter (Chinneck 2008, §6.1): each
 * requirement in turn is dropped, and stays dropped when the rest still can't hold. "Can't" is proven by an exhaustive repacking;
 * where that doesn't finish within its budget, nothing is claimed.
 */

import { searchExhaustively } from './exhaustive';
import { BANDWIDTH, CPU, FIRST_DEVICE, IOPS, MEMORY, SPACE, type Formulation } from './formulation';
import { natureObstacle } from './moving';
import { at, Packing } from './packing';
import type { Problem, Solution } from './problem';
import { bandwidth, bytes, list, vcpus } from './words';

/** Nodes that all conflicts of one plan may take together. */
export class ConflictBudget {
  constructor(private left: number) {}

  /** At most what one question may take, 0 when all is spent. */
  get perQuestion(): number {
    return Math.min(this.left, 1000);
  }

  spend(nodes: number): void {
    this.left = Math.max(0, this.left - nodes);
  }
}

/** Sentences, each one requirement; empty when no conflict was proven. */
export function conflictOf(formulation: Formulation, solution: Solution, vm: number, budget: ConflictBudget): string[] {
  const { barred } = at(formulation.vms, vm);
  if (barred !== undefined) return [`${at(formulation.vms, vm).model.name}: ${barred}`];
  const held = smallestConflict(formulation, solution, vm, budget);
  return held === undefined ? [] : inWords(formulation, vm, held);
}

/** Undefined when no conflict was proven. No requirement of it can be spared, as far as the budget sufficed to know. */
export function smallestConflict(formulation: Formulation, solution: Solution, vm: number, budget: ConflictBudget): Held | undefined {
  let held: Held = { own: ownRequirements(formulation, vm), others: rivals(formulation.problem, solution, vm) };
  const without = { ...held, others: [] };
  if (contradicts(formulation, vm, without, budget)) held = without;
  else if (!contradicts(formulation, vm, held, budget)) return undefined;
  for (const other of held.others) {
    const fewer = { ...held, others: held.others.filter((kept) => kept !== other) };
    if (contradicts(formulation, vm, fewer, budget)) held = fewer;
  }
  for (const requirement of held.own) {
    const fewer = { ...held, own: held.own.filter((kept) => kept !== requirement) };
    if (contradicts(formulation, vm, fewer, budget)) held = fewer;
  }
  return held;
}

type Requirement =
  | { readonly kind: 'row'; readonly row: number }
  | { readonly kind: 'disk'; readonly disk: number; readonly row: number }
  | { readonly kind: 'pin' | 'volume'; readonly disk: number }
  | { readonly kind: 'apart'; readonly from: number }
  | { readonly kind: 'on' | 'nature' | 'together' | 'moves' };

/** Requirements that are to hold together; what isn't named here is waived. */
export interface Held {
  readonly own: readonly Requirement[];
  /** VMs that keep their right to run. */
  readonly others: readonly number[];
}

/** Those least telling come first: they are the first to be dropped. */
function ownRequirements({ problem, vms, hosts }: Formulation, vm: number): Requirement[] {
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
function rivals(problem: Problem, solution: Solution, vm: number): number[] {
  const concerns = (other: number) => at(at(problem.vmAllowed, vm), at(solution.vmHost, other));
  const placed = Array.from({ length: problem.vmCount }, (_, other) => other).filter(
    (other) => other !== vm && at(solution.vmHost, other) >= 0 && (at(problem.vmLevel, other) <= at(problem.vmLevel, vm) || at(problem.vmFixedHost, other) >= 0),
  );
  return placed.sort((a, b) => concerns(a) - concerns(b) || a - b);
}

/** Whether these provably can't hold together. */
function contradicts(formulation: Formulation, vm: number, held: Held, budget: ConflictBudget): boolean {
  if (budget.perQuestion === 0) return false;
  const { holds, nodes } = holdTogether(formulation, vm, held, budget.perQuestion);
  budget.spend(nodes);
  return holds === false;
}

/** Whether some placement meets all that is held; undefined when `nodes` steps of the search don't tell. */
export function holdTogether(formulation: Formulation, vm: number, held: Held, nodes: number): { readonly holds: boolean | undefined; readonly nodes: number } {
  const { problem } = formulation;
  const relaxed = relax(formulation, vm, held);
  const open = [vm, ...held.others.filter((other) => at(problem.vmFixedHost, other) < 0)];
  const noneOut = new Array<number>(problem.vmCount).fill(0);
  // Beating "nobody out but one of the last level" means that all are placed.
  noneOut.push(1);
  const result = searchExhaustively(new Packing(relaxed, 'lifted'), open, noneOut, nodes);
  return { holds: result.best !== undefined ? true : result.complete ? false : undefined, nodes: result.nodes };
}

/** The problem with the VM's dropped requirements gone, and only the VMs that are held fixed where they run. */
function relax(formulation: Formulation, vm: number, held: Held): Problem {
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
function allowedStill({ problem, vms, hosts }: Formulation, vm: number, held: { readonly on: boolean; readonly nature: boolean }): Uint8Array {
  const { model } = at(vms, vm);
  return problem.hostAvailable.map((available, host) => {
    const isOn = !held.on || (model.placement.on?.includes(at(hosts, host).model.name) ?? true);
    return Number(available === 1 && isOn && (!held.nature || natureObstacle(model, at(hosts, host).model) === undefined));
  });
}

function inWords(formulation: Formulation, vm: number, held: Held): string[] {
  const { name } = at(formulation.vms, vm).model;
  const bySize = new Set(held.own.flatMap((own) => (own.kind === 'disk' ? [own.disk] : [])));
  const own = held.own.filter((requirement) => requirement.kind !== 'volume' || !bySize.has(requirement.disk)).map((requirement) => requirementInWords(formulation, vm, name, requirement)).reverse();
  const runs = (fixed: boolean) => held.others.filter((other) => at(formulation.problem.vmFixedHost, other) >= 0 === fixed).sort((a, b) => a - b).map((other) => at(formulation.vms, other).model.name);
  const verb = (names: readonly string[]) => (names.length === 1 ? 'is' : 'are');
  const [running, placed] = [runs(true), runs(false)];
  return [
    ...own,
    ...(running.length > 0 ? [`${list(running)} ${verb(running)} running and ${running.length === 1 ? 'stays' : 'stay'}`] : []),
    ...(placed.length > 0 ? [`${list(placed)} ${verb(placed)} placed first, by priority or because fewer would run otherwise`] : []),
    ...new Set(offers(formulation, held, vm)),
  ];
}

function requirementInWords({ problem, vms, disks, volumes, devices }: Formulation, vm: number, name: string, requirement: Requirement): string {
  switch (requirement.kind) {
    case 'row': {
      const load = at(problem.vmLoad, vm * problem.hostRows + requirement.row);
      if (requirement.row >= FIRST_DEVICE) return `${name} needs ${load} ${at(devices, requirement.row - FIRST_DEVICE)}`;
      return requirement.row === CPU ? `${name} needs ${vcpus(load)}` : `${name} needs ${bytes(load)} of memory with Xen's share`;
    }
    case 'disk': {
      const load = at(problem.diskLoad, requirement.disk * problem.volumeRows + requirement.row);
      const amount = requirement.row === SPACE ? `${bytes(load)} of space` : requirement.row === BANDWIDTH ? bandwidth(load) : `${load} IOPS`;
      return `disk ${at(disks, requirement.disk).model.name} of ${name} needs ${amount}`;
    }
    case 'volume':
      return `disk ${at(disks, requirement.disk).model.name} of ${name} needs an array that can be used, on the host of ${name}`;
    case 'pin':
      return `disk ${at(disks, requirement.disk).model.name} of ${name} lies on ${at(volumes, at(problem.diskHome, requirement.disk)).label}`;
    case 'apart':
      return `${name} must be apart from ${at(vms, requirement.from).model.name}`;
    case 'together': {
      const group = at(problem.vmTogether, vm);
      const peers = vms.filter((_, other) => other !== vm && at(problem.vmTogether, other) === group);
      return `${name} must be together with ${list(peers.map((peer) => peer.model.name))}`;
    }
    case 'moves':
      return `at most ${problem.maxMoves} ${problem.maxMoves === 1 ? 'VM' : 'VMs'} may be moved`;
    case 'nature': {
      const { architecture = 'x86_64', cpuFeatures = [] } = at(vms, vm).model;
      return `${name} needs ${list([`a host that is ${architecture}`, ...(cpuFeatures.length > 0 ? [`has ${list(cpuFeatures)}`] : [])])}`;
    }
    case 'on': {
      const on = at(vms, vm).model.placement.on ?? [];
      return on.length === 0 ? `no host satisfies \`on\` of ${name}` : `${name} may run on ${list(on, 'or')} only`;
    }
  }
}

/** What the hosts in question have of the rows in question. */
function offers(formulation: Formulation, held: Held, vm: number): string[] {
  const { problem, hosts, volumes, devices } = formulation;
  const candidates = hostsInQuestion(formulation, held, vm);
  if (!problem.hostAvailable.includes(1)) return ['no host is available'];
  return held.own.flatMap((own) => {
    if (own.kind === 'row') {
      const write = own.row === CPU ? vcpus : own.row === MEMORY ? bytes : String;
      const each = candidates.map((host) => ({ name: at(hosts, host).model.name, has: at(problem.hostCapacity, host * problem.hostRows + own.row) }));
      return has(each, write, own.row === CPU ? 'for VMs' : own.row === MEMORY ? 'of memory for VMs' : at(devices, own.row - FIRST_DEVICE));
    }
    if (own.kind !== 'disk') return [];
    const only = at(problem.diskVolume, own.disk);
    const among = only >= 0 ? [only] : candidates.flatMap((host) => Array.from(at(problem.hostVolumes, host)));
    const each = among.map((volume) => ({ name: at(volumes, volume).label, has: at(problem.volumeCapacity, volume * problem.volumeRows + own.row) }));
    return has(each, own.row === SPACE ? bytes : own.row === BANDWIDTH ? bandwidth : String, own.row === SPACE ? 'of space' : own.row === IOPS ? 'IOPS' : '');
  });
}

function hostsInQuestion(formulation: Formulation, held: Held, vm: number): number[] {
  const { problem, hosts } = formulation;
  const isHeld = (kind: Requirement['kind']) => held.own.some((own) => own.kind === kind);
  const left = allowedStill(formulation, vm, { on: isHeld('on'), nature: isHeld('nature') });
  const pinned = held.own.flatMap((own) => (own.kind === 'pin' ? [at(problem.volumeHost, at(problem.diskHome, own.disk))] : []));
  return hosts.flatMap((_, host) => {
    return at(left, host) === 1 && (pinned.length === 0 || pinned.includes(host)) ? [host] : [];
  });
}

/** `n1 has 8 GiB and n2 has 16 GiB of memory for VMs`; of many, the sum and the largest. */
function has(each: readonly { readonly name: string; readonly has: number }[], write: (value: number) => string, what: string): string[] {
  if (each.length === 0) return [];
  const total = each.reduce((sum, { has: amount }) => sum + amount, 0);
  const most = each.reduce((largest, { has: amount }) => Math.max(largest, amount), 0);
  const amounts = each.length > 6 ? `${each.length} places have ${write(total)} together, the largest ${write(most)}` : list(each.map(({ name, has: amount }) => `${name} has ${write(amount)}`));
  return [`${amounts} ${what}`.trimEnd()];
}
