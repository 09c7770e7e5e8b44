/** Specs to begin with: what was chosen, and comments that say what else there is. */

import { placeholderSerial, placeholderUuid } from './placeholders';
import { formatQuantity, parseQuantity } from './quantity';
import { scalarText } from './scalars';

export interface HostChoices {
  readonly name: string;
  /** At least one. */
  readonly macs: readonly string[];
  readonly address: string;
  readonly cpus: string;
  readonly memory: string;
  /** A RAID array with this UUID and these members; without one it stands there as a comment. */
  readonly array?: { readonly uuid: string; readonly members: readonly [string, string] };
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Host document. It validates when each choice does by itself. */
export function hostText({ name, macs, address, cpus, memory, array, labels }: HostChoices): string {
  const lines = arrayLines(array?.uuid ?? placeholderUuid(1), array?.members ?? [placeholderSerial(1), placeholderSerial(2)]);
  return `# A machine that boots Xen over the network. Several may share a file, with --- between them.
kind: Host
name: ${scalarText(name)}
${commented(`macs: [${macs.map(scalarText).join(', ')}]`, "`ip link` on the machine, or its firmware's boot menu; the first one boots")}
address: ${scalarText(address)}
${commented(`cpus: ${numberText(cpus)}`, 'as Xen counts them: threads')}
memory: ${scalarText(memory)}
${commented(`reserve: {cpus: 1, memory: ${reservedMemory(memory)}}`, 'kept for dom0')}

# RAID arrays that exist already: PXEN assembles and mounts them, it never creates or formats one.
# On the machine: \`mdadm --detail /dev/md0\` tells uuid and level, \`lsblk -o NAME,SERIAL\` the members.
${(array ? lines : lines.map((line) => `# ${line}`)).join('\n')}

${commented('wake: {method: wol}', 'switched on by a magic packet')}
${labelLine(labels)}
`;
}

function arrayLines(uuid: string, members: readonly string[]): readonly string[] {
  return [
    'arrays:',
    '  - name: r0',
    `    uuid: ${uuid}`,
    '    level: raid1',
    `    members: [${members.map(scalarText).join(', ')}]`,
    '    mount: /srv/r0',
    commented('    capacity: 900GiB', 'room for VM disks'),
    commented('    bandwidth: 450MB/s', 'bytes, not bits'),
    commented('    degraded: never', 'allow: start it with a member missing'),
  ];
}

function labelLine(labels: HostChoices['labels']): string {
  const entries = Object.entries(labels ?? {}).map(([key, value]) => `${scalarText(key)}: ${scalarText(value)}`);
  return entries.length === 0 ? commented('# labels: {rack: a}', 'VMs can ask for `on: [rack=a]`') : commented(`labels: {${entries.join(', ')}}`, `VMs can ask for \`on: [${Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`).join(', ')}]\``);
}

/** 2 GiB as by default, but never more than a quarter of a small machine's. */
function reservedMemory(memory: string): string {
  const parsed = parseQuantity('bytes', memory);
  const total = 'value' in parsed ? parsed.value : 0;
  if (total === 0 || total >= 8 * GIB) return '2GiB';
  return formatQuantity('bytes', total < 4 * MIB ? 0 : Math.floor(total / 4 / MIB) * MIB);
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export interface VmChoices {
  readonly name: string;
  readonly vcpus: string;
  readonly memory: string;
  /** None: a VM that needs no disk of its own. */
  readonly disk?: { readonly size: string; readonly source?: string };
  readonly boot: VmBootChoice;
}

/** `pygrub` reads the kernel from the first disk; `hvm` lets the guest's firmware boot it; else kernel and initrd are files of the drive. */
export type VmBootChoice = 'pygrub' | 'hvm' | { readonly type: 'pv' | 'pvh'; readonly kernel: string; readonly ramdisk?: string };

/** A VM document. It validates when each choice does by itself. */
export function vmText({ name, vcpus, memory, disk, boot }: VmChoices): string {
  return `# A virtual machine. Its UUID and MAC addresses follow from the drive and its name: don't rename it lightly.
kind: VM
name: ${scalarText(name)}
vcpus: ${numberText(vcpus)}
${commented(`memory: ${scalarText(memory)}`, 'never overcommitted')}
${commented('priority: 100', 'higher is placed first when not all fit')}

${disk ? diskLines(disk).join('\n') : '# disks: [{name: root, size: 20GiB}]'}

${commented('nics: [{bridge: xenbr0}]', "more cards, or a MAC of one's own: {bridge: xenbr0, mac: …}")}

${bootLines(boot).join('\n')}

# placement:
#   on: [rack=a]                # only on these hosts, by name or label
#   apart: [web2]               # never on one host with these
#   together: [cache1]          # always on one host with these

${commented('start: {auto: true}', 'after: [dns1] starts it once dns1 runs')}
`;
}

function diskLines({ size, source }: NonNullable<VmChoices['disk']>): readonly string[] {
  return [
    'disks:',
    '  - name: root',
    `    size: ${scalarText(size)}`,
    commented('    bandwidth: 50MB/s', 'promised to it on its array'),
    source === undefined ? commented('    # source: disks/debian-13.raw', 'without one it starts blank') : commented(`    source: ${scalarText(source)}`, 'copied once, when the disk is made'),
  ];
}

function bootLines(boot: VmBootChoice): readonly string[] {
  if (boot === 'hvm') return [commented('boot: {type: hvm}', "the guest's firmware boots its first disk")];
  if (boot === 'pygrub')
    return ['# pygrub reads the kernel from the disk itself. Or give them here: {type: pv, kernel: disks/vmlinuz, ramdisk: disks/initrd}', 'boot: {type: pv, bootloader: pygrub}'];
  const { type, kernel, ramdisk } = boot;
  return ['boot:', `  type: ${type}`, `  kernel: ${scalarText(kernel)}`, ...(ramdisk === undefined ? [] : [`  ramdisk: ${scalarText(ramdisk)}`]), '  cmdline: root=/dev/xvda ro console=hvc0'];
}

/** Numbers as they are; anything else as text, for the reader to be told of. */
function numberText(written: string): string {
  return /^\d+$/.test(written) ? String(Number(written)) : scalarText(written);
}

/** With the comments of a document below each other. */
function commented(line: string, comment: string): string {
  return `${line.padEnd(COMMENT_COLUMN - 1)} # ${comment}`;
}

const COMMENT_COLUMN = 32;
