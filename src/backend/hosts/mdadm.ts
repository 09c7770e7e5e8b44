/** The words of mdadm(8): what runs, what it is made of, how it is started and stopped. */

import { sameArrayUuid } from './blockdevices';
import { parsePairs } from './output';
import { commandFailed, DISK_SILENCE_MS, must, type Dom0Shell } from './shell';

/** An array the kernel knows. */
export interface RunningArray {
  readonly uuid: string;
  /** As the kernel calls it, `/dev/md127`, whatever name it was assembled under. */
  readonly device: string;
  /** Inactive: put together but not started, holding its members. */
  readonly active: boolean;
}

export interface ArrayDetail {
  /** `raid1`. */
  readonly level: string;
  /** How many members a complete array has. */
  readonly devices: number;
  /** Device paths of those that are in it now. */
  readonly members: readonly string[];
  /** Members missing or not yet rebuilt. */
  readonly missing: number;
  readonly writable: boolean;
}

/** Under which name PXEN assembles; its own, so that it can't meet one that mdadm gave to somebody else's array. */
export function arrayDevice(name: string): string {
  return `/dev/md/pxen-${name}`;
}

export async function findRunningArray(shell: Dom0Shell, uuid: string, signal: AbortSignal): Promise<RunningArray | undefined> {
  const found = (await scanArrays(shell, signal)).find((array) => sameArrayUuid(array.uuid, uuid));
  if (found === undefined) return undefined;
  const device = await must(
    shell,
    { command: ['readlink', '--canonicalize', found.device], tried: `find the kernel's name of ${found.device}`, remedy: 'Look at the host’s kernel log.' },
    signal,
  );
  return { ...found, device: device.trim() };
}

/** Every array the kernel knows, under the names mdadm uses. */
export async function scanArrays(shell: Dom0Shell, signal: AbortSignal): Promise<readonly RunningArray[]> {
  const printed = await must(shell, { command: ['mdadm', '--detail', '--scan'], tried: 'list the arrays that run', remedy: 'Look at the host’s kernel log.' }, signal);
  return parseDetailScan(printed);
}

/** Parses `mdadm --detail --scan`: `ARRAY /dev/md127 metadata=1.2 UUID=…`, or `INACTIVE-ARRAY …` for one that isn't started. */
export function parseDetailScan(printed: string): readonly RunningArray[] {
  return printed.split('\n').flatMap((line) => {
    const [word, device, ...rest] = line.trim().split(/\s+/);
    const uuid = rest.find((item) => item.startsWith('UUID='))?.slice('UUID='.length);
    if ((word !== 'ARRAY' && word !== 'INACTIVE-ARRAY') || device === undefined || uuid === undefined) return [];
    return [{ uuid, device, active: word === 'ARRAY' }];
  });
}

/** `device` is the kernel's name, since the state is read from sysfs. */
export async function describeArray(shell: Dom0Shell, device: string, signal: AbortSignal): Promise<ArrayDetail> {
  const remedy = 'Look at /proc/mdstat on the host.';
  const exported = await must(shell, { command: ['mdadm', '--detail', '--export', device], tried: `read the state of ${device}`, remedy }, signal);
  const { level, devices, members } = parseDetailExport(exported);
  const folder = `/sys/block/${device.replace(/^\/dev\//, '')}/md`;
  const state = await must(shell, { command: ['cat', `${folder}/array_state`], tried: `read the state of ${device}`, remedy }, signal);
  // A raid0 or linear array has no such file: without a member it doesn't run at all.
  const degraded = hasRedundancy(level) ? await must(shell, { command: ['cat', `${folder}/degraded`], tried: `read the state of ${device}`, remedy }, signal) : '0';
  return { level, devices, members, missing: Number(degraded), writable: !['readonly', 'read-auto'].includes(state.trim()) };
}

export function hasRedundancy(level: string): boolean {
  return level !== 'raid0' && level !== 'linear';
}

/** Parses `mdadm --detail --export`, `KEY=value` a line; members are the values of `MD_DEVICE_…_DEV`. */
export function parseDetailExport(printed: string): { readonly level: string; readonly devices: number; readonly members: readonly string[] } {
  const pairs = parsePairs(printed);
  return {
    level: pairs.get('MD_LEVEL') ?? 'unknown',
    devices: Number(pairs.get('MD_DEVICES') ?? '0'),
    members: [...pairs].filter(([key]) => /^MD_DEVICE_.*_DEV$/.test(key)).map(([, value]) => value),
  };
}

export interface Assembly {
  readonly name: string;
  readonly uuid: string;
  readonly devices: readonly string[];
  /** `complete`: mdadm starts it only with every member; `degraded`: with what there is. */
  readonly start: 'complete' | 'degraded';
}

/**
 * Assembles from exactly these devices, read-only. Undefined on success, else what mdadm said; then nothing is left of the
 * attempt: mdadm leaves what it didn't start inactive, which would hold the members.
 */
export async function assembleReadonly(shell: Dom0Shell, assembly: Assembly, signal: AbortSignal): Promise<string | undefined> {
  const device = arrayDevice(assembly.name);
  const step = {
    command: ['mdadm', '--assemble', '--readonly', assembly.start === 'complete' ? '--no-degraded' : '--run', `--uuid=${assembly.uuid}`, device, ...assembly.devices],
    silenceMs: DISK_SILENCE_MS,
    tried: `assemble array ${assembly.name}`,
    remedy: 'Look at the host’s kernel log and at mdadm --examine of the members.',
  } as const;
  const result = await shell.execute(step.command, signal, step);
  if (result.code === 127) throw commandFailed(shell, step, result);
  const array = await findRunningArray(shell, assembly.uuid, signal);
  if (array?.active === true) return undefined;
  if (array !== undefined) await stopArray(shell, array.device, signal);
  const said = result.stderr.trim() === '' ? `mdadm ended with ${result.code}` : result.stderr.trim();
  return said.replace(/\s*\n\s*/g, '; ');
}

export async function makeWritable(shell: Dom0Shell, device: string, signal: AbortSignal): Promise<void> {
  await must(shell, { command: ['mdadm', '--readwrite', device], tried: `make ${device} writable`, remedy: 'Look at the host’s kernel log.', silenceMs: DISK_SILENCE_MS }, signal);
}

/** Stops an array, which writes its superblocks out and lets its disks go. Fails while it is in use. */
export async function stopArray(shell: Dom0Shell, device: string, signal: AbortSignal): Promise<void> {
  await must(shell, { command: ['mdadm', '--stop', device], tried: `stop array ${device}`, remedy: 'Something still uses it: see lsof and findmnt on the host.', silenceMs: DISK_SILENCE_MS }, signal);
}
