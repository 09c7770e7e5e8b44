/** What runs on a host, as the hypervisor itself tells it. */

import type { Domain } from './control';
import { HostError } from './errors';
import { must, type Dom0Shell } from './shell';

const MIB = 1024 * 1024;

const REMEDY = 'Run `xl list -v` on the host and see whether xenstored runs there: while PXEN can’t tell what runs on it, it starts nothing on it.';

/** Every domain but dom0. Rejects when xl's table isn't understood to its last line: a domain overlooked could be started twice. */
export async function listDomains(shell: Dom0Shell, signal: AbortSignal): Promise<readonly Domain[]> {
  // `xl list -l` leaves out domains that xl has no configuration of (made by another tool, or dying), and those count most here.
  const printed = await must(shell, { command: ['xl', 'list', '-v'], tried: 'list the domains', remedy: REMEDY }, signal);
  const { domains, strange } = parseXlList(printed);
  const [line] = strange;
  if (line !== undefined) throw unsure(shell, `xl printed a line that isn’t understood: "${line}"`);
  // Xen lists dom0 like every other domain; a table without it was cut off, or isn't Xen's.
  if (!domains.some(({ id }) => id === 0)) throw unsure(shell, 'xl doesn’t list Domain-0, so it doesn’t list everything');
  return domains.filter(({ id }) => id !== 0);
}

function unsure(shell: Dom0Shell, said: string): HostError {
  return new HostError({ kind: 'command', host: shell.host, tried: 'list the domains', said, remedy: REMEDY });
}

export interface XlList {
  readonly domains: readonly Domain[];
  /** Lines that are neither the heading nor a domain. */
  readonly strange: readonly string[];
}

/**
 * Parses `xl list -v` (xen tools/xl/xl_list.c): a heading, then name, id, MiB, vCPUs, six letters or dashes for running,
 * blocked, paused, shutdown, the shutdown's reason and dying, seconds, UUID, reason code, label. The name comes first and may
 * be anything, so a line is read from its UUID backwards.
 */
export function parseXlList(printed: string): XlList {
  const lines = printed.split('\n').filter((line) => line.trim() !== '');
  const rows = HEADING.test(lines[0] ?? '') ? lines.slice(1) : lines;
  const read = rows.map((line) => ({ line, domain: parseRow(line) }));
  return {
    domains: read.flatMap(({ domain }) => domain ?? []),
    strange: read.flatMap(({ line, domain }) => (domain === undefined ? [line.trim()] : [])),
  };
}

function parseRow(line: string): Domain | undefined {
  const found = ROW.exec(line);
  if (found === null) return undefined;
  const [, name = '', id = '', memory = '', vcpus = '', flags = '', uuid = ''] = found;
  return { name: name.trim(), uuid: uuid.toLowerCase(), id: Number(id), memoryBytes: Number(memory) * MIB, vcpus: Number(vcpus), state: stateOf(flags) };
}

const HEADING = /^Name\s+ID\s+Mem\s+VCPUs\s+State\s+Time\(s\)\s+UUID\b/;
const ROW = /^(.*?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([-r][-b][-p][-s].[-d])\s+[\d.]+\s+([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b/;

function stateOf(flags: string): Domain['state'] {
  const [, , paused, shutdown, reason, dying] = flags;
  if (dying === 'd') return 'dying';
  // `c` crash, `w` watchdog (shutdown reasons of xen/include/public/sched.h).
  if (shutdown === 's') return reason === 'c' || reason === 'w' ? 'crashed' : 'shutdown';
  return paused === 'p' ? 'paused' : 'running';
}
