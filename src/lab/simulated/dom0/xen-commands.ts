/** xl of a simulated dom0, and switching it off. */

import { readNode } from './paths';
import { type Dom0Command, type Dom0Context, type Ended, fails, parseWords, prints, UsageError } from './command';
import type { XenDomain } from './state';

const MIB = 1024 * 1024;

/** How long building a domain and a guest's shutdown take, in the lab's time. */
const CREATE_MS = 150;
const SHUTDOWN_MS = 250;

export const XEN_COMMANDS: Readonly<Record<string, Dom0Command>> = {
  xl: (words, context) => {
    const [verb, ...rest] = words;
    switch (verb) {
      case 'info':
        return prints(info(context));
      case 'list':
        if (rest.join(' ') !== '-v') throw new UsageError('the lab knows list -v only');
        return prints(domainTable(context));
      case 'create':
        return create(context, rest[0] ?? '');
      case 'shutdown':
        return shutDown(context, parseWords(rest, { flags: ['-F'] }).operands[0]);
      case 'destroy':
        return withDomain(context, rest[0], (domain) => remove(context, domain));
      default:
        return fails(1, `command not implemented: ${verb ?? ''}`);
    }
  },

  poweroff: (_words, context) => {
    context.switchOff();
    return prints('');
  },
};

function info({ hardware, memory }: Dom0Context): string {
  const total = Math.floor(hardware.memoryBytes / MIB);
  const pairs: readonly (readonly [string, string | number])[] = [
    ['host', hardware.name],
    ['release', '6.12.48+deb13-amd64'],
    ['machine', 'x86_64'],
    ['nr_cpus', hardware.cpus],
    ['cpu_mhz', '3000.000'],
    ['virt_caps', 'pv hvm hap'],
    ['total_memory', total],
    ['free_memory', freeMib({ hardware, memory })],
    ['xen_major', 4],
    ['xen_minor', 20],
    ['xen_extra', '.0'],
    ['xen_version', '4.20.0'],
  ];
  return pairs.map(([key, value]) => `${key.padEnd(23)}: ${value}\n`).join('');
}

function freeMib({ hardware, memory }: Pick<Dom0Context, 'hardware' | 'memory'>): number {
  const used = memory.domains.reduce((sum, domain) => sum + domain.memoryMib, 0);
  return Math.floor((hardware.memoryBytes - hardware.dom0MemoryBytes) / MIB) - used;
}

function domainTable({ hardware, memory }: Dom0Context): string {
  const dom0 = { id: 0, name: 'Domain-0', uuid: '00000000-0000-0000-0000-000000000000', memoryMib: Math.floor(hardware.dom0MemoryBytes / MIB), vcpus: hardware.cpus };
  const rows = [dom0, ...memory.domains].map(({ id, name, uuid, memoryMib, vcpus }) => {
    const start = `${name.padEnd(40)} ${String(id).padStart(5)} ${String(memoryMib).padStart(5)} ${String(vcpus).padStart(5)}`;
    return `${start}     ${id === 0 ? 'r-----' : '-b----'}  ${'12.3'.padStart(8)} ${uuid} ${'-'.padStart(8)} ${'-'.padStart(16)}\n`;
  });
  return `Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label\n${rows.join('')}`;
}

async function create(context: Dom0Context, path: string): Promise<Ended> {
  const { memory } = context;
  const node = readNode(memory, path);
  if (node === undefined) return fails(1, `xl: cannot open config file: ${path}: No such file or directory`);
  const config = parseConfig(node.head.toString('utf8'));
  const name = text(config, 'name');
  const memoryMib = Number(config.get('memory') ?? 0);
  const uuid = text(config, 'uuid');
  const problem = createProblem(context, config, name, memoryMib);
  if (problem !== undefined) return fails(1, `Parsing config from ${path}\nlibxl: error: ${problem}`);
  const domain: XenDomain = { id: memory.nextDomainId, name, uuid, memoryMib, vcpus: Number(config.get('vcpus') ?? 1), shuttingDown: false };
  memory.nextDomainId += 1;
  memory.domains.push(domain);
  context.console(`(XEN) domain ${domain.id} ${name} (${uuid}) created`);
  await context.pause(CREATE_MS);
  return prints(`Parsing config from ${path}\n`);
}

/** Names are unique to xenstore; UUIDs are not, and that is the danger the pool has to guard against: so neither are they here. */
function createProblem(context: Dom0Context, config: Config, name: string, memoryMib: number): string | undefined {
  const { memory } = context;
  if (name === '') return 'the domain has no name';
  if (memory.domains.some((domain) => domain.name === name)) return `a domain with name "${name}" already exists.`;
  if (memoryMib <= 0 || memoryMib > freeMib(context)) return `not enough free memory for ${name}: ${memoryMib} MiB wanted, ${freeMib(context)} free`;
  for (const disk of list(config, 'disk')) {
    const target = disk.replace(/^.*?\btarget=/, '');
    if (readNode(memory, target) === undefined) return `${target}: No such file or directory`;
  }
  for (const key of ['kernel', 'ramdisk']) {
    const file = text(config, key);
    if (file !== '' && readNode(memory, file) === undefined) return `${file}: No such file or directory`;
  }
  return ['pv', 'pvh', 'hvm'].includes(text(config, 'type')) ? undefined : `unknown type ${text(config, 'type')}`;
}

function shutDown(context: Dom0Context, id: string | undefined): Ended {
  return withDomain(context, id, (domain) => {
    if (domain.shuttingDown) return;
    domain.shuttingDown = true;
    void context.pause(SHUTDOWN_MS).then(
      () => remove(context, domain),
      () => undefined, // the power went first
    );
  });
}

function withDomain(context: Dom0Context, id: string | undefined, use: (domain: XenDomain) => void): Ended {
  const domain = context.memory.domains.find((one) => String(one.id) === id);
  if (domain === undefined) return fails(1, `${id ?? ''} is an invalid domain identifier (rc=-6)`);
  use(domain);
  return prints('');
}

function remove({ memory, console: say }: Dom0Context, domain: XenDomain): void {
  const index = memory.domains.indexOf(domain);
  if (index < 0) return;
  memory.domains.splice(index, 1);
  say(`(XEN) domain ${domain.id} ${domain.name} ended`);
}

type Config = ReadonlyMap<string, string | number | readonly string[]>;

function text(config: Config, key: string): string {
  const value = config.get(key);
  return typeof value === 'string' ? value : '';
}

function list(config: Config, key: string): readonly string[] {
  const value = config.get(key);
  return typeof value === 'object' ? value : [];
}

/** As much of xl.cfg(5) as is needed to read what was written for it: numbers, strings and lists of strings, one to a line. */
function parseConfig(content: string): Config {
  return new Map(
    content.split('\n').flatMap((line): [string, string | number | readonly string[]][] => {
      const found = /^(\w+)\s*=\s*(.*)$/.exec(line);
      if (found === null) return [];
      const [, key = '', value = ''] = found;
      const strings = [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => unescape(match[1] ?? ''));
      if (value.startsWith('[')) return [[key, strings]];
      return [[key, value.startsWith('"') ? (strings[0] ?? '') : Number(value)]];
    }),
  );
}

function unescape(literal: string): string {
  return literal.replace(/\\x([0-9a-f]{2})|\\(.)/g, (_whole, hex: string | undefined, character: string | undefined) => (hex === undefined ? (character ?? '') : String.fromCharCode(Number.parseInt(hex, 16))));
}
