/** What is mounted where (findmnt), and mounting. Never by label: labels collide after cloning. */

import type { SharedStorageModel } from '../drive/model';
import { HostError } from './errors';
import { makeFolder } from './files';
import { parsePairs } from './output';
import { commandFailed, DISK_SILENCE_MS, must, type Command, type Dom0Shell } from './shell';

export interface Mount {
  readonly target: string;
  /** `/dev/md127`, or `10.77.0.5:/export/vms`. */
  readonly source: string;
  readonly type: string;
}

/** Without the subvolume part that findmnt adds to a btrfs source. */
const FINDMNT: Command = ['findmnt', '--json', '--list', '--nofsroot', '--output', 'TARGET,SOURCE,FSTYPE'];

export async function listMounts(shell: Dom0Shell, signal: AbortSignal): Promise<readonly Mount[]> {
  return parseMounts(await must(shell, { command: FINDMNT, tried: 'list what is mounted', remedy: 'Look at /proc/mounts on the host.' }, signal));
}

/** Parses `findmnt --json --list`. */
export function parseMounts(printed: string): readonly Mount[] {
  const { filesystems } = JSON.parse(printed) as { readonly filesystems: readonly { readonly target: string; readonly source: string; readonly fstype: string }[] };
  return filesystems.map(({ target, source, fstype }) => ({ target, source, type: fstype }));
}

/**
 * Refuses where no filesystem is mounted: dom0's root is an overlay in RAM, and what is written below a bare folder of it is
 * gone with the next boot.
 */
export async function requireMounted(shell: Dom0Shell, target: string, tried: string, signal: AbortSignal): Promise<void> {
  const mounts = await listMounts(shell, signal);
  if (mounts.some((mount) => mount.target === target)) return;
  throw new HostError({
    kind: 'refused',
    host: shell.host,
    tried,
    said: `nothing is mounted at ${target}`,
    remedy: 'See why its array or storage isn’t mounted on that host; what is written there now would be lost at the next boot.',
  });
}

export interface FoundFilesystem {
  readonly type: string;
  readonly uuid: string;
}

/** What blkid(8) finds on a device by reading it, not from any cache; undefined when there is nothing it knows. */
export async function probeFilesystem(shell: Dom0Shell, device: string, signal: AbortSignal): Promise<FoundFilesystem | undefined> {
  const step = { command: ['blkid', '--probe', '--output', 'export', device], tried: `see which filesystem ${device} holds`, remedy: 'Look at wipefs --no-act of it on the host.' } as const;
  const result = await shell.execute(step.command, signal);
  // blkid(8): 2 when nothing was identified.
  if (result.code === 2) return undefined;
  if (result.code !== 0) throw commandFailed(shell, step, result);
  const pairs = parsePairs(result.stdout);
  const type = pairs.get('TYPE');
  const uuid = pairs.get('UUID');
  return pairs.get('USAGE') === 'filesystem' && type !== undefined && uuid !== undefined ? { type, uuid } : undefined;
}

export type Access =
  /** No journal is replayed and nothing is written, so that a look at an array of another pool leaves no trace. */
  | 'look'
  | 'use';

export async function mountDevice(shell: Dom0Shell, at: { readonly device: string; readonly filesystem: FoundFilesystem; readonly target: string }, access: Access, signal: AbortSignal): Promise<void> {
  const tried = `mount ${at.device} (${at.filesystem.type} ${at.filesystem.uuid}) at ${at.target}`;
  await makeFolder(shell, at.target, signal);
  await must(
    shell,
    {
      command: ['mount', '--types', at.filesystem.type, '--options', mountOptions(at.filesystem.type, access), at.device, at.target],
      tried,
      silenceMs: DISK_SILENCE_MS,
      remedy: `Check the filesystem by hand while it is not mounted (fsck of ${at.filesystem.type}); PXEN never repairs one by itself.`,
    },
    signal,
  );
}

export async function unmount(shell: Dom0Shell, target: string, signal: AbortSignal): Promise<void> {
  await must(shell, { command: ['umount', target], tried: `unmount ${target}`, remedy: 'Something still uses it: see lsof on the host.', silenceMs: DISK_SILENCE_MS }, signal);
}

function mountOptions(type: string, access: Access): string {
  if (access === 'use') return 'noatime,nodev,nosuid';
  // ext4(5), xfs(5) and btrfs(5) replay their journal even when mounted read-only, unless told not to.
  return ['ext3', 'ext4', 'xfs', 'btrfs'].includes(type) ? 'ro,norecovery' : 'ro';
}

/** Where a shared storage is mounted on every host. */
export function storageMount(storage: Pick<SharedStorageModel, 'name'>): string {
  return `/srv/pxen/${storage.name}`;
}

/** Mounts an NFS export unless it is already there. `hard`: a guest's write waits for the server instead of failing. */
export async function mountNfs(shell: Dom0Shell, storage: SharedStorageModel, mounts: readonly Mount[], signal: AbortSignal): Promise<void> {
  const target = storageMount(storage);
  if (mounts.some((mount) => mount.target === target && mount.source === storage.source)) return;
  const tried = `mount storage ${storage.name} (${storage.source})`;
  await makeFolder(shell, target, signal);
  await must(
    shell,
    {
      command: ['mount', '--types', 'nfs', '--options', 'hard,noatime,nodev,nosuid', storage.source, target],
      tried,
      silenceMs: 5 * 60_000,
      remedy: 'See whether the NFS server is up and exports that folder to this host.',
    },
    signal,
  );
}

/** Size of the filesystem mounted there, in bytes. */
export async function filesystemSize(shell: Dom0Shell, target: string, signal: AbortSignal): Promise<number> {
  const printed = await must(shell, { command: ['stat', '--file-system', '--format=%S %b', target], tried: `ask the size of ${target}`, remedy: 'Look at df on the host.' }, signal);
  const [blockSize, blocks] = printed.trim().split(' ').map(Number);
  return (blockSize ?? 0) * (blocks ?? 0);
}
