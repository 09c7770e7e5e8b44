/** Switching a host off so that nothing on it is hurt. */

import { listDomains } from './domains';
import { HostError } from './errors';
import { scanArrays, stopArray } from './mdadm';
import { listMounts, unmount } from './mounts';
import { commandFailed, type Dom0Shell } from './shell';

/** Unmounts, stops the arrays, switches off. Resolves when the host has taken the order; its connection closes soon after. */
export async function powerOff(shell: Dom0Shell, signal: AbortSignal): Promise<void> {
  const domains = await listDomains(shell, signal);
  if (domains.length > 0) {
    throw new HostError({
      kind: 'refused',
      host: shell.host,
      tried: 'power off',
      said: `it still runs ${domains.map(({ name }) => name).join(', ')}`,
      remedy: 'Stop these first.',
    });
  }
  const data = (await listMounts(shell, signal)).filter(({ source, type }) => source.startsWith('/dev/md') || type.startsWith('nfs'));
  // Later mounts may lie below earlier ones.
  for (const mount of [...data].reverse()) await unmount(shell, mount.target, signal);
  for (const array of await scanArrays(shell, signal)) await stopArray(shell, array.device, signal);
  const step = { command: ['poweroff'], tried: 'power off', remedy: 'Press its power button: its arrays are unmounted and stopped.' } as const;
  try {
    const result = await shell.execute(step.command, signal);
    if (result.code !== 0) throw commandFailed(shell, step, result);
  } catch (error) {
    // It may be gone before it can say that it goes.
    if (!(error instanceof HostError) || error.kind !== 'lost') throw error;
  }
}
