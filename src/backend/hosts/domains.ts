/** What runs on a host, as the hypervisor itself tells it. */

import type { Domain } from './control';
import { must, type Dom0Shell } from './shell';

const MIB = 1024 * 1024;

/** Every domain but dom0. */
export async function listDomains(shell: Dom0Shell, signal: AbortSignal): Promise<readonly Domain[]> {
  // `xl list -l` leaves out domains that xl has no configuration of (made by another tool, or dying), and those count most here.
  const printed = await must(shell, { command: ['xl', 'list', '-v'], tried: 'list the domains', remedy: 'See whether xenstored runs on the host.' }, signal);
  return parseXlList(printed).filter(({ id }) => id !== 0);
}

/**
 * Parses `xl list -v` (xen tools/xl/xl_list.c): name, id, MiB, vCPUs, six letters or dashes for running, blocked, paused,
 * shutdown, the shutdown's reason and dying, seconds, UUID, reason code, label. The name comes first and may be anything,
 * so a line is read from its UUID backwards.
 */
export function parseXlList(printed: string): readonly Domain[] {
  return printed.split('\n').flatMap((line) => {
    const found = ROW.exec(line);
    if (found === null) return [];
    const [, name = '', id = '', memory = '', vcpus = '', flags = '', uuid = ''] = found;
    return [{ name: name.trim(), uuid: uuid.toLowerCase(), id: Number(id), memoryBytes: Number(memory) * MIB, vcpus: Number(vcpus), state: stateOf(flags) }];
  });
}

const ROW = /^(.*?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([-r][-b][-p][-s].[-d])\s+[\d.]+\s+([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b/;

function stateOf(flags: string): Domain['state'] {
  const [, , paused, shutdown, reason, dying] = flags;
  if (dying === 'd') return 'dying';
  // `c` crash, `w` watchdog (shutdown reasons of xen/include/public/sched.h).
  if (shutdown === 's') return reason === 'c' || reason === 'w' ? 'crashed' : 'shutdown';
  return paused === 'p' ? 'paused' : 'running';
}
