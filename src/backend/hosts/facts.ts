/** What a host is: `xl info` and the kernel's boot id. */

import type { HostFacts } from './control';
import { must, type Dom0Shell } from './shell';

const MIB = 1024 * 1024;

export async function readFacts(shell: Dom0Shell, signal: AbortSignal): Promise<HostFacts> {
  const [bootId, info] = await Promise.all([
    must(shell, { command: ['cat', '/proc/sys/kernel/random/boot_id'], tried: 'read the boot id', remedy: 'Look at the host’s console.' }, signal),
    must(shell, { command: ['xl', 'info'], tried: 'ask Xen for its facts', remedy: 'See whether the host runs Xen, and not the bare kernel: xl dmesg on it.' }, signal),
  ]);
  return { bootId: bootId.trim(), ...parseXlInfo(info) };
}

/** Parses `xl info`: `key : value` a line, memory in MiB. */
export function parseXlInfo(printed: string): Omit<HostFacts, 'bootId'> {
  const facts = new Map(
    printed.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()]];
    }),
  );
  const number = (key: string) => Number(facts.get(key) ?? '0');
  return {
    xenVersion: facts.get('xen_version') ?? 'unknown',
    cpus: number('nr_cpus'),
    memoryBytes: number('total_memory') * MIB,
    freeMemoryBytes: number('free_memory') * MIB,
  };
}
