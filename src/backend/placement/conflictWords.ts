/** A conflict as people read it: each requirement with its numbers, then what the hosts in question offer. */

import { BANDWIDTH, CPU, FIRST_DEVICE, IOPS, MEMORY, SPACE, type Formulation } from './formulation';
import { at } from './packing';
import { allowedStill, type Held, type Requirement } from './requirements';
import type { Problem, Solution } from './problem';
import { bandwidth, bytes, list, MOST_NAMES, someOf, vcpus } from './words';

/** One sentence a requirement, then what those concerned offer. */
export function conflictInWords(formulation: Formulation, solution: Solution, vm: number, held: Held): string[] {
  const { name } = at(formulation.vms, vm).model;
  const bySize = new Set(held.own.flatMap((own) => (own.kind === 'disk' ? [own.disk] : [])));
  const own = held.own.filter((requirement) => requirement.kind !== 'volume' || !bySize.has(requirement.disk)).map((requirement) => requirementInWords(formulation, vm, name, requirement)).reverse();
  const { vmFixedHost } = formulation.problem;
  const sorted = [...held.others].sort((a, b) => a - b);
  const waiting = sorted.filter((other) => at(solution.vmHost, other) < 0);
  const running = sorted.filter((other) => at(vmFixedHost, other) >= 0);
  const placed = sorted.filter((other) => at(vmFixedHost, other) < 0 && at(solution.vmHost, other) >= 0);
  const told = (vms: readonly number[], one: string, more: string) => {
    if (vms.length === 0) return [];
    const names = someOf(vms.map((other) => at(formulation.vms, other).model.name));
    return [`${names} ${vms.length === 1 ? one : more}${held.others.length > MOST_NAMES ? needOf(formulation, held, vms) : ''}`];
  };
  return [
    ...own,
    ...told(running, 'is running and stays', 'are running and stay'),
    ...told(placed, 'is placed first, by priority or because fewer would run otherwise', 'are placed first, by priority or because fewer would run otherwise'),
    ...told(waiting, 'is left out as well, and has no lower priority', 'are left out as well, and have no lower priority'),
    ...new Set(offers(formulation, held, vm)),
  ];
}

/** What others need of the rows in question: of more than are named nobody adds it up from their specs. */
function needOf(formulation: Formulation, held: Held, vms: readonly number[]): string {
  const { problem, devices } = formulation;
  const sum = (loadOf: (vm: number) => number) => vms.reduce((total, vm) => total + loadOf(vm), 0);
  const needs = held.own.flatMap((own) => {
    if (own.kind === 'disk') {
      const need = sum((vm) => rivalDiskLoad(problem, vm, own));
      return need === 0 ? [] : [own.row === SPACE ? `${bytes(need)} of space` : own.row === BANDWIDTH ? bandwidth(need) : `${need} IOPS`];
    }
    if (own.kind !== 'row') return [];
    const need = sum((vm) => at(problem.vmLoad, vm * problem.hostRows + own.row));
    return need === 0 ? [] : [own.row === CPU ? vcpus(need) : own.row === MEMORY ? `${bytes(need)} of memory` : `${need} ${at(devices, own.row - FIRST_DEVICE)}`];
  });
  const told = list([...new Set(needs)].reverse());
  if (told === '') return '';
  return vms.length === 1 ? `; it needs ${told}` : `; they need ${told} together`;
}

/** Of the storage that the left-out VM's disk must lie on, or else of arrays. */
function rivalDiskLoad({ vmDisks, diskVolume, diskLoad, diskIgnored, volumeRows, volumeHost }: Problem, vm: number, { disk, row }: { readonly disk: number; readonly row: number }): number {
  const storageOf = (one: number) => (at(diskVolume, one) >= 0 && at(volumeHost, at(diskVolume, one)) < 0 ? at(diskVolume, one) : -1);
  return Array.from(at(vmDisks, vm)).reduce((sum, one) => (at(diskIgnored, one) === 1 || storageOf(one) !== storageOf(disk) ? sum : sum + at(diskLoad, one * volumeRows + row)), 0);
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
