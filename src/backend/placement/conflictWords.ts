/** A conflict as people read it: each requirement with its numbers, then what the hosts in question offer. */

import { BANDWIDTH, CPU, FIRST_DEVICE, IOPS, MEMORY, SPACE, type Formulation } from './formulation';
import { at } from './packing';
import { allowedStill, type Held, type Requirement } from './requirements';
import { bandwidth, bytes, list, vcpus } from './words';

/** One sentence a requirement, then what those concerned offer. */
export function conflictInWords(formulation: Formulation, vm: number, held: Held): string[] {
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
