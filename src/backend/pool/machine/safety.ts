/**
 * The one decision on which "no VM ever runs twice" and "no VM's data is lost" rest: may this VM be started on this host,
 * given what is known? A pure function of facts, so that every way it can go has its test.
 *
 * It rests on an order of writing that the runner keeps: a VM is started only on the host that `placement.json` names for
 * it, only from disks that are recorded there, and both are on the drive before the start. So a VM that runs somewhere
 * PXEN can't see runs on the host named last.
 */

import type { DiskPlace } from '../../../protocol';
import type { Domain } from '../../hosts/control';
import type { DiskCopy, DiskKnowledge } from './state';

export interface StartFacts {
  readonly now: number;
  /** A listing asked for longer ago than this proves nothing. */
  readonly freshMs: number;
  /** Every host of the model. */
  readonly hosts: ReadonlyMap<string, HostKnowledge>;
  /** The host that the drive names as the VM's; undefined: it was never started. */
  readonly lastHost: string | undefined;
  /** Hosts and arrays that may hold disks and weren't read in this run, in words: each may hold a newer copy, or run the VM. */
  readonly unread: readonly string[];
  /** What is mounted on the host where it is to be started. */
  readonly mounts: readonly DiskPlace[];
  /** What is known of each disk of the VM, in the spec's order. */
  readonly disks: readonly DiskKnowledge[];
}

export type HostKnowledge =
  /** It said which domains it has. */
  | { readonly kind: 'asked'; readonly askedAt: number; readonly domains: readonly Domain[] }
  /** Reachable, but not asked yet. */
  | { readonly kind: 'unasked' }
  /** Known to run no domain. */
  | { readonly kind: 'quiet' }
  /** It can't be asked, and may be running anything. */
  | { readonly kind: 'silent' };

export type StartVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: DenialCode; readonly reason: string; readonly remedy?: string };

/**
 * `ask-first`: hosts must be asked (again). `runs`: it runs already. `silent-host`: a host that can't be asked may run it.
 * `disk`: a disk is missing, elsewhere, out of date or in doubt. `name-taken`: another domain has its name.
 */
export type DenialCode = 'ask-first' | 'runs' | 'silent-host' | 'disk' | 'name-taken';

/** Whether `vm` may be started on `host` now. Never throws. */
export function mayStart(vm: { readonly name: string; readonly uuid: string }, host: string, facts: StartFacts): StartVerdict {
  return (
    runsAlready(vm, facts) ??
    silentHostMayRunIt(vm.name, facts) ??
    facts.disks.map((disk) => diskInDoubt(vm, host, disk, facts)).find((denial) => denial !== undefined) ??
    nameTaken(vm, host, facts) ??
    someoneMustBeAsked(host, facts) ?? { ok: true }
  );
}

/** The newest copy known of a disk, seen or recorded; between equals the drive's record decides. */
export function newestPlace(disk: DiskKnowledge): { readonly place: DiskPlace; readonly generation: number } | undefined {
  const seen = disk.copies.reduce<DiskCopy | undefined>((best, copy) => (best === undefined || copy.generation > best.generation ? copy : best), undefined);
  if (disk.locked !== undefined && (seen === undefined || seen.generation <= disk.locked.generation)) return disk.locked;
  return seen;
}

export function samePlace(a: DiskPlace, b: DiskPlace): boolean {
  return 'storage' in a ? 'storage' in b && a.storage === b.storage : 'host' in b && a.host === b.host && a.array === b.array;
}

/** `node1/r0`, or `shared storage nas`. */
export function placeInWords(place: DiskPlace): string {
  return 'storage' in place ? `shared storage ${place.storage}` : `${place.host}/${place.array}`;
}

function runsAlready(vm: { readonly name: string; readonly uuid: string }, facts: StartFacts): StartVerdict | undefined {
  for (const [name, knowledge] of facts.hosts) {
    if (knowledge.kind !== 'asked') continue;
    const domain = knowledge.domains.find(({ uuid }) => uuid === vm.uuid);
    if (domain === undefined) continue;
    const how = domain.state === 'dying' || domain.state === 'shutdown' ? 'is still shutting down' : 'runs already';
    return { ok: false, code: 'runs', reason: `${vm.name} ${how} on ${name}` };
  }
  return undefined;
}

function silentHostMayRunIt(vm: string, facts: StartFacts): StartVerdict | undefined {
  for (const [name, knowledge] of facts.hosts) {
    if (knowledge.kind !== 'silent') continue;
    const why = holds(name, facts);
    if (why === undefined) continue;
    return {
      ok: false,
      code: 'silent-host',
      reason: `${name} can't be asked whether it runs ${vm}, and ${why}`,
      remedy: `Bring ${name} up, or make sure that it is switched off: it runs nothing once it boots from the network again.`,
    };
  }
  return undefined;
}

function holds(host: string, facts: StartFacts): string | undefined {
  if (facts.lastHost === host) return 'it was the last to run it';
  for (const disk of facts.disks) {
    const places = [...disk.copies.map(({ place }) => place), ...(disk.locked === undefined ? [] : [disk.locked.place])];
    if (places.some((place) => 'host' in place && place.host === host)) return `it holds its disk ${disk.disk}`;
  }
  return undefined;
}

function diskInDoubt(vm: { readonly name: string; readonly uuid: string }, host: string, disk: DiskKnowledge, { mounts, unread }: StartFacts): StartVerdict | undefined {
  const deny = (reason: string, remedy: string): StartVerdict => ({ ok: false, code: 'disk', reason, remedy });
  const newest = newestPlace(disk);
  if (newest === undefined) return deny(`disk ${disk.disk} of ${vm.name} doesn't exist yet`, 'It is made when the VM is given a place.');
  const where = placeInWords(newest.place);
  const copy = disk.copies.find(({ place, generation }) => samePlace(place, newest.place) && generation === newest.generation);
  if (copy === undefined) {
    return deny(
      `disk ${disk.disk} of ${vm.name} belongs on ${where} in generation ${newest.generation}, but isn't there`,
      'Restore it from a backup. It is never made anew while state/placement.json records it.',
    );
  }
  if (copy.vmUuid !== vm.uuid) {
    return deny(`disk ${disk.disk} on ${where} belongs to another VM named ${vm.name} (UUID ${copy.vmUuid}, not ${vm.uuid})`, 'Give one of the two another name.');
  }
  // Nothing was ever started from a disk that the drive records without naming a host; of any other, nobody knows.
  const vouchedFor = disk.locked !== undefined && disk.locked.adopted !== true;
  const twin = disk.copies.find(({ place, generation }) => generation === newest.generation && !samePlace(place, newest.place));
  if (twin !== undefined && !vouchedFor) {
    return deny(
      `disk ${disk.disk} of ${vm.name} exists twice, on ${where} and ${placeInWords(twin.place)}, and nothing on the drive says which is the right one`,
      'Compare the two and move the wrong one out of pxen/vms on its array.',
    );
  }
  if (!vouchedFor && unread.length > 0) {
    return deny(
      `the drive has no record of disk ${disk.disk} of ${vm.name}; it was found on ${where}, but ${unread.join(' and ')}, which may hold a newer copy or run it, couldn't be read`,
      `Bring up ${unread.join(' and ')}; what is gone for good is taken out of the specs.`,
    );
  }
  if ('host' in newest.place && newest.place.host !== host) {
    return deny(`the newest copy of disk ${disk.disk} of ${vm.name} is on ${where}, not on ${host}`, `Let ${vm.name} run on ${newest.place.host}, or move its disk.`);
  }
  if (!mounts.some((mount) => samePlace(mount, newest.place))) {
    return deny(`disk ${disk.disk} of ${vm.name} is on ${where}, which isn't mounted on ${host}`, `Look on ${host} why (\`dmesg\`, /proc/mdstat, the network), then boot again.`);
  }
  return undefined;
}

function nameTaken(vm: { readonly name: string; readonly uuid: string }, host: string, facts: StartFacts): StartVerdict | undefined {
  const knowledge = facts.hosts.get(host);
  if (knowledge?.kind !== 'asked') return undefined;
  const other = knowledge.domains.find(({ name, uuid }) => name === vm.name && uuid !== vm.uuid);
  if (other === undefined) return undefined;
  return {
    ok: false,
    code: 'name-taken',
    reason: `another domain named ${vm.name} runs on ${host} (UUID ${other.uuid}), which PXEN didn't start`,
    remedy: `Look at it with \`xl list -l ${vm.name}\` on ${host}, and end or rename it.`,
  };
}

function someoneMustBeAsked(target: string, facts: StartFacts): StartVerdict | undefined {
  for (const [name, knowledge] of facts.hosts) {
    const stale = knowledge.kind === 'unasked' || (knowledge.kind === 'asked' && facts.now - knowledge.askedAt > facts.freshMs);
    if (stale) return { ok: false, code: 'ask-first', reason: `asking ${name} for its domains` };
  }
  if (facts.hosts.get(target)?.kind !== 'asked') return { ok: false, code: 'ask-first', reason: `${target} can't be asked for its domains` };
  return undefined;
}
