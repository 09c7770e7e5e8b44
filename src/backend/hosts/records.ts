/** What each array carries to explain itself without the drive: whose it is, and a record beside each disk. */

import type { ArrayClaim, DiskRecord, VmRecordWrite } from './control';
import { HostError } from './errors';
import { findFiles, makeFolder, readFile, readFoundFiles, writeFileAtomically } from './files';
import { requireMounted } from './mounts';
import type { Dom0Shell } from './shell';

/** `<mount>/pxen/array.json`. */
export interface ArrayRecord extends ArrayClaim {
  readonly array: string;
}

export function diskFile(mount: string, record: Pick<DiskRecord, 'vm' | 'disk'>): string {
  return `${vmFolder(mount, record.vm)}/${record.disk}.raw`;
}

export function diskRecordFile(mount: string, record: Pick<DiskRecord, 'vm' | 'disk'>): string {
  return `${vmFolder(mount, record.vm)}/${record.disk}.json`;
}

export function vmFolder(mount: string, vm: string): string {
  return `${mount}/pxen/vms/${vm}`;
}

/** What the filesystem mounted there says of whose it is. */
export type Ownership =
  | { readonly kind: 'unclaimed' }
  | { readonly kind: 'claimed'; readonly record: ArrayRecord }
  | { readonly kind: 'unreadable'; readonly text: string };

export async function readOwnership(shell: Dom0Shell, mount: string, signal: AbortSignal): Promise<Ownership> {
  const path = `${mount}/pxen/array.json`;
  const found = await findFiles(shell, mount, 2, 'array.json', signal);
  if (!found.includes(path)) return { kind: 'unclaimed' };
  return parseOwnership(await readFile(shell, path, signal));
}

export function parseOwnership(text: string): Ownership {
  const value = parseJson(text);
  if (isObject(value) && typeof value['driveId'] === 'string' && typeof value['host'] === 'string' && typeof value['array'] === 'string') {
    return { kind: 'claimed', record: { driveId: value['driveId'], host: value['host'], array: value['array'] } };
  }
  return { kind: 'unreadable', text };
}

export async function writeOwnership(shell: Dom0Shell, mount: string, record: ArrayRecord, signal: AbortSignal): Promise<void> {
  await writeFileAtomically(shell, `${mount}/pxen/array.json`, `${JSON.stringify(record)}\n`, signal);
}

export interface FoundDisks {
  readonly records: readonly DiskRecord[];
  /** Files that should be records and aren't, and disks without a record: for a person to look at. */
  readonly strange: readonly string[];
}

/** The disks on a mounted array or storage. A record without its disk is what an interrupted creation leaves: no disk. */
export async function readDisks(shell: Dom0Shell, mount: string, signal: AbortSignal): Promise<FoundDisks> {
  const top = `${mount}/pxen/vms`;
  // Made first, so that a folder find can't read is an error and never taken for one that isn't there.
  await makeFolder(shell, top, signal);
  const lines = await readFoundFiles(shell, top, 2, '*.json', signal);
  const disks = await findFiles(shell, top, 2, '*.raw', signal);
  return sortOutDisks(mount, lines, disks);
}

/** Pure part of `readDisks`. */
export function sortOutDisks(mount: string, lines: readonly { readonly path: string; readonly line: string }[], disks: readonly string[]): FoundDisks {
  const present = new Set(disks);
  const records: DiskRecord[] = [];
  const strange: string[] = [];
  const explained = new Set<string>();
  for (const { path, line } of lines) {
    const record = parseDiskRecord(line);
    const disk = path.replace(/\.json$/, '.raw');
    if (record === undefined || diskFile(mount, record) !== disk) {
      if (!strange.includes(path)) strange.push(path);
      continue;
    }
    explained.add(disk);
    if (present.has(disk)) records.push(record);
  }
  strange.push(...disks.filter((disk) => !explained.has(disk)));
  records.sort((a, b) => (a.vm === b.vm ? compare(a.disk, b.disk) : compare(a.vm, b.vm)));
  return { records, strange: strange.sort(compare) };
}

export function parseDiskRecord(line: string): DiskRecord | undefined {
  const value = parseJson(line);
  if (!isObject(value)) return undefined;
  const { vm, vmUuid, disk, generation, sizeBytes } = value;
  if (typeof vm !== 'string' || typeof vmUuid !== 'string' || typeof disk !== 'string' || typeof generation !== 'number' || typeof sizeBytes !== 'number') return undefined;
  return { vm, vmUuid, disk, generation, sizeBytes };
}

/** Writes the spec's text beside the VM's disks, unless the newest copy there already says the same. */
export async function writeVmRecord(shell: Dom0Shell, write: VmRecordWrite, signal: AbortSignal): Promise<void> {
  const folder = vmFolder(write.mount, write.vm);
  await requireMounted(shell, write.mount, `write the spec of VM ${write.vm}`, signal);
  await makeFolder(shell, folder, signal);
  const newest = [...(await findFiles(shell, folder, 1, 'spec-*.yaml', signal))].sort(compare).at(-1);
  if (newest !== undefined && (await readFile(shell, newest, signal)) === write.specText) return;
  await writeFileAtomically(shell, `${folder}/spec-${write.at}.yaml`, write.specText, signal);
}

/** Why an array can't be taken for this drive's; undefined when it can. */
export function ownershipProblem(host: string, array: string, ownership: Ownership, claim: ArrayClaim): HostError | undefined {
  if (ownership.kind === 'unreadable') {
    return new HostError({
      kind: 'refused',
      host,
      tried: `use array ${array}`,
      said: 'its pxen/array.json is damaged, so it does not say whose it is',
      remedy: 'Mount it by hand, look at its pxen folder, and write the file anew if the array is this pool’s.',
    });
  }
  if (ownership.kind === 'claimed' && ownership.record.driveId !== claim.driveId) {
    const { driveId, host: owner, array: name } = ownership.record;
    return new HostError({
      kind: 'refused',
      host,
      tried: `use array ${array}`,
      said: `it belongs to another drive (${driveId}, where it is array ${name} of host ${owner})`,
      remedy: 'Boot it from that drive, or remove pxen/array.json on it if that drive is gone for good.',
    });
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
