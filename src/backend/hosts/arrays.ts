/**
 * Bringing an array up on a host that remembers nothing: found by UUID, compared with the spec by serial numbers, started
 * read-only, looked at, and only then used. Nothing here creates, formats, repairs or forces.
 */

import type { ArrayStatus } from '../../protocol';
import type { ArrayModel } from '../drive/model';
import { delay, type Clock } from '../system';
import { listBlockDevices, membersOf, type BlockDevice } from './blockdevices';
import type { ArrayClaim, ArrayReport } from './control';
import { HostError } from './errors';
import { arrayDevice, assembleReadonly, describeArray, findRunningArray, makeWritable, stopArray, type ArrayDetail, type RunningArray } from './mdadm';
import { filesystemSize, listMounts, mountDevice, probeFilesystem, unmount } from './mounts';
import { ownershipProblem, readDisks, readOwnership, writeOwnership } from './records';
import { must, type Dom0Shell } from './shell';

/** Disks that spin up one after the other may take this long after power on; until then a missing member is waited for. */
const SPIN_UP_SECONDS = 60;
const LOOK_AGAIN_MS = 1_000;

/** Never rejects for the array's sake; rejects when the host is gone or `signal` aborts. */
export async function bringUpArray(shell: Dom0Shell, spec: ArrayModel, claim: ArrayClaim, clock: Clock, signal: AbortSignal): Promise<ArrayReport> {
  try {
    return await start(shell, spec, claim, clock, signal);
  } catch (error) {
    if (!(error instanceof HostError) || !['command', 'refused', 'silent'].includes(error.kind)) throw error;
    return report(spec, 'refused', `${error.sentence}. ${error.remedy}`);
  }
}

async function start(shell: Dom0Shell, spec: ArrayModel, claim: ArrayClaim, clock: Clock, signal: AbortSignal): Promise<ArrayReport> {
  let running = await findRunningArray(shell, spec.uuid, signal);
  const mounts = await listMounts(shell, signal);
  const inTheWay = mounts.find((mount) => mount.target === spec.mount);
  if (inTheWay !== undefined) {
    if (running?.active === true && inTheWay.source === running.device) return inUse(shell, spec, running, claim, signal);
    return report(spec, 'refused', `${spec.mount} already holds ${inTheWay.source}. Unmount it, or give the array another mount in the spec.`);
  }
  const elsewhere = mounts.find((mount) => mount.source === running?.device);
  if (elsewhere !== undefined) {
    return report(spec, 'refused', `It is mounted at ${elsewhere.target} instead of ${spec.mount}. Unmount it there, then boot again.`);
  }
  if (running?.active === false) {
    // Put together by udev and left waiting for a member; it holds the others until it is stopped.
    await stopArray(shell, running.device, signal);
    running = undefined;
  }
  if (running === undefined) {
    const devices = await membersAfterSpinUp(shell, spec, clock, signal);
    const verdict = judgeMembers(spec, devices);
    if (verdict.kind === 'out') return report(spec, verdict.state, verdict.detail);
    const problem = await assemble(shell, spec, verdict, signal);
    if (problem !== undefined) return problem;
    running = await findRunningArray(shell, spec.uuid, signal);
    if (running === undefined) return report(spec, 'refused', `${arrayDevice(spec.name)} was assembled and went away again. Look at the host’s kernel log.`);
  }
  return use(shell, spec, running, claim, signal);
}

/** What the members found, against those the spec names, allow. */
export type MemberVerdict =
  | { readonly kind: 'assemble'; readonly devices: readonly string[]; readonly start: 'complete' | 'degraded' }
  | { readonly kind: 'out'; readonly state: ArrayStatus['state']; readonly detail: string };

/** Decides by serial numbers alone: device names change from boot to boot. */
export function judgeMembers(spec: ArrayModel, found: readonly BlockDevice[]): MemberVerdict {
  if (found.length === 0) {
    return { kind: 'out', state: 'missing', detail: `No disk of this host carries array ${spec.uuid}. See whether ${listSerials(spec.members)} are in it and have power.` };
  }
  const stranger = found.find((device) => device.serial === undefined || !spec.members.some((member) => sameSerial(member, device.serial)));
  if (stranger !== undefined) {
    const serial = stranger.serial === undefined ? 'tells no serial number' : `has serial number ${stranger.serial}`;
    return { kind: 'out', state: 'refused', detail: `Its member ${stranger.path} ${serial}, which the spec does not list. Add it to the array’s members in the host’s spec, or take the disk out.` };
  }
  const missing = missingMembers(spec, found);
  const twice = spec.members.find((member) => found.filter((device) => sameSerial(member, device.serial)).length > 1);
  if (twice !== undefined) {
    return { kind: 'out', state: 'refused', detail: `Two devices with serial number ${twice} carry this array. One is a copy: take it out.` };
  }
  if (missing.length > 0 && spec.degraded === 'never') {
    return { kind: 'out', state: 'refused', detail: `${missingSentence(missing)}, and its spec says degraded: never. Put the disk back, or allow it to start degraded.` };
  }
  return { kind: 'assemble', devices: found.map(({ path }) => path), start: missing.length > 0 ? 'degraded' : 'complete' };
}

async function membersAfterSpinUp(shell: Dom0Shell, spec: ArrayModel, clock: Clock, signal: AbortSignal): Promise<readonly BlockDevice[]> {
  for (;;) {
    const members = membersOf(await listBlockDevices(shell, signal), spec.uuid);
    if (missingMembers(spec, members).length === 0) return members;
    const uptime = await must(shell, { command: ['cat', '/proc/uptime'], tried: 'read the uptime', remedy: 'Look at the host’s console.' }, signal);
    if (Number.parseFloat(uptime) >= SPIN_UP_SECONDS) return members;
    await delay(clock, LOOK_AGAIN_MS, signal);
  }
}

/** Undefined when the array runs, else why it doesn't. */
async function assemble(shell: Dom0Shell, spec: ArrayModel, verdict: MemberVerdict & { kind: 'assemble' }, signal: AbortSignal): Promise<ArrayReport | undefined> {
  const assembly = { name: spec.name, uuid: spec.uuid, devices: verdict.devices };
  const said = await assembleReadonly(shell, { ...assembly, start: verdict.start }, signal);
  if (said === undefined) return undefined;
  if (verdict.start === 'complete' && spec.degraded === 'allow') {
    // All disks are here, and one of them is stale: it was out of the array for a while.
    const again = await assembleReadonly(shell, { ...assembly, start: 'degraded' }, signal);
    return again === undefined ? undefined : report(spec, 'refused', `${sentence(again)} Look at mdadm --examine of its members.`);
  }
  const remedy = spec.degraded === 'never' ? 'Its spec says degraded: never, so it starts only with every member up to date.' : 'Look at mdadm --examine of its members.';
  return report(spec, 'refused', `${sentence(said)} ${remedy}`);
}

/** An array that runs and isn't mounted: checked, looked at, then mounted for use. */
async function use(shell: Dom0Shell, spec: ArrayModel, running: RunningArray, claim: ArrayClaim, signal: AbortSignal): Promise<ArrayReport> {
  const { device } = running;
  const detail = await describeArray(shell, device, signal);
  const mismatch = await detailProblem(shell, spec, detail, signal);
  if (mismatch !== undefined) return report(spec, 'refused', mismatch);
  const filesystem = await probeFilesystem(shell, device, signal);
  if (filesystem === undefined) {
    return report(spec, 'refused', 'It holds no filesystem. PXEN formats nothing: make one by hand (mkfs.ext4 or mkfs.xfs) once you are sure that the array is empty.');
  }
  // The device is named by the kernel and was found by the array's UUID; the filesystem's own UUID is a second check only,
  // since a copy of the filesystem on another disk carries the same.
  const at = { device, filesystem, target: spec.mount };
  await mountDevice(shell, at, 'look', signal);
  const seen = ownershipProblem(shell.host, spec.name, await readOwnership(shell, spec.mount, signal), claim);
  await unmount(shell, spec.mount, signal);
  if (seen !== undefined) {
    await stopArray(shell, device, signal);
    throw seen;
  }
  if (!detail.writable) await makeWritable(shell, device, signal);
  await mountDevice(shell, at, 'use', signal);
  const problem = await claimMounted(shell, spec, claim, signal);
  if (problem !== undefined) {
    // The journal held another owner's claim, which only the real mount brought to light.
    await unmount(shell, spec.mount, signal);
    await stopArray(shell, device, signal);
    throw problem;
  }
  return mountedReport(shell, spec, detail, signal);
}

/** An array that is mounted where it should be is left as it is. */
async function inUse(shell: Dom0Shell, spec: ArrayModel, running: RunningArray, claim: ArrayClaim, signal: AbortSignal): Promise<ArrayReport> {
  const problem = await claimMounted(shell, spec, claim, signal);
  if (problem !== undefined) throw problem;
  return mountedReport(shell, spec, await describeArray(shell, running.device, signal), signal);
}

async function claimMounted(shell: Dom0Shell, spec: ArrayModel, claim: ArrayClaim, signal: AbortSignal): Promise<HostError | undefined> {
  const ownership = await readOwnership(shell, spec.mount, signal);
  const problem = ownershipProblem(shell.host, spec.name, ownership, claim);
  if (problem !== undefined) return problem;
  const mine = { driveId: claim.driveId, host: claim.host, array: spec.name };
  const written = ownership.kind === 'claimed' && ownership.record.host === mine.host && ownership.record.array === mine.array;
  if (!written) await writeOwnership(shell, spec.mount, mine, signal);
  return undefined;
}

/** Why what runs isn't what the spec describes. */
async function detailProblem(shell: Dom0Shell, spec: ArrayModel, detail: ArrayDetail, signal: AbortSignal): Promise<string | undefined> {
  if (detail.level !== spec.level) return `It is a ${detail.level}, and its spec says ${spec.level}. Correct the spec.`;
  const devices = await listBlockDevices(shell, signal);
  const members = devices.filter((device) => detail.members.includes(device.path));
  const verdict = judgeMembers(spec, members);
  return verdict.kind === 'out' ? verdict.detail : undefined;
}

async function mountedReport(shell: Dom0Shell, spec: ArrayModel, detail: ArrayDetail, signal: AbortSignal): Promise<ArrayReport> {
  const capacityBytes = await filesystemSize(shell, spec.mount, signal);
  const disks = await readDisks(shell, spec.mount, signal);
  const remarks: string[] = [];
  if (detail.missing > 0) remarks.push(degradedSentence(spec, detail, await listBlockDevices(shell, signal)));
  if (disks.strange.length > 0) remarks.push(`Files without a sound record, left alone: ${disks.strange.join(', ')}.`);
  return {
    status: {
      name: spec.name,
      state: detail.missing > 0 ? 'degraded' : 'clean',
      mounted: true,
      ...(remarks.length === 0 ? {} : { detail: remarks.join(' ') }),
    },
    capacityBytes,
    disks: disks.records,
  };
}

/** Says which disks are missing, or which came back and wait to be taken in again. */
export function degradedSentence(spec: ArrayModel, detail: ArrayDetail, devices: readonly BlockDevice[]): string {
  const present = membersOf(devices, spec.uuid);
  const missing = missingMembers(spec, present);
  if (missing.length > 0) return `${missingSentence(missing)}. Replace the disk soon: another failure loses data.`;
  const outside = present.filter((device) => !detail.members.includes(device.path));
  const [first] = outside;
  if (first !== undefined) return `The disk with serial number ${first.serial ?? '?'} is back but out of date: mdadm ${arrayDevice(spec.name)} --re-add ${first.path} takes it in again.`;
  return 'It is being rebuilt: see /proc/mdstat on the host.';
}

function missingMembers(spec: ArrayModel, found: readonly BlockDevice[]): readonly string[] {
  return spec.members.filter((member) => !found.some((device) => sameSerial(member, device.serial)));
}

function sameSerial(a: string, b: string | undefined): boolean {
  return b !== undefined && a.trim().toLowerCase() === b.trim().toLowerCase();
}

function missingSentence(serials: readonly string[]): string {
  return `The ${serials.length > 1 ? 'disks' : 'disk'} with serial number ${listSerials(serials)} ${serials.length > 1 ? 'are' : 'is'} missing`;
}

function listSerials(serials: readonly string[]): string {
  return serials.length < 2 ? serials.join('') : `${serials.slice(0, -1).join(', ')} and ${serials.at(-1) ?? ''}`;
}

function sentence(said: string): string {
  return said.replace(/[.;]?$/, '.');
}

function report(spec: ArrayModel, state: ArrayStatus['state'], detail: string): ArrayReport {
  return { status: { name: spec.name, state, mounted: false, detail }, capacityBytes: 0, disks: [] };
}
