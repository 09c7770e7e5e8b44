/** A VM as xl.cfg(5) wants it. Pure: what is written is a function of the domain and of where its boot files lie. */

import type { DomainConfig } from './control';
import { diskFile } from './records';

const MIB = 1024 * 1024;

/** Where the kernel and ramdisk of a directly booted guest lie on the host. */
export interface BootFiles {
  readonly kernel: string;
  readonly ramdisk?: string;
}

/** `files` is needed for a guest that is booted by kernel and ramdisk, and ignored for others. */
export function vmConfig(domain: DomainConfig, files?: BootFiles): string {
  const memoryMib = Math.floor(domain.memoryBytes / MIB);
  const lines: (readonly [key: string, value: string | number | readonly string[]])[] = [
    ['name', domain.name],
    ['uuid', domain.uuid],
    ['type', domain.boot.type],
    ['vcpus', domain.vcpus],
    ['memory', memoryMib],
    ['maxmem', memoryMib],
    ...bootLines(domain, files),
    // target= comes last and takes the rest of the string, commas included (xl-disk-configuration(5)).
    ['disk', domain.disks.map(({ mount, record }, index) => `format=raw,vdev=${diskName(index)},access=rw,target=${diskFile(mount, record)}`)],
    ['vif', domain.nics.map(({ mac, bridge }) => `mac=${mac},bridge=${bridge}`)],
    // A guest that ends by its own will stays off; one that reboots or crashes comes back.
    ['on_poweroff', 'destroy'],
    ['on_reboot', 'restart'],
    ['on_crash', 'restart'],
  ];
  return lines.map(([key, value]) => `${key} = ${literal(value)}\n`).join('');
}

function bootLines(domain: DomainConfig, files: BootFiles | undefined): readonly (readonly [string, string])[] {
  const { boot } = domain;
  // The first disk, then the network (xl.cfg(5), `boot`).
  if (boot.type === 'hvm') return [['boot', 'cn'], ['serial', 'pty']];
  if ('bootloader' in boot) return [['bootloader', boot.bootloader]];
  return [
    ...(files === undefined ? [] : ([['kernel', files.kernel]] as const)),
    ...(files?.ramdisk === undefined ? [] : ([['ramdisk', files.ramdisk]] as const)),
    ...(boot.cmdline === undefined ? [] : ([['cmdline', boot.cmdline]] as const)),
  ];
}

/** xvda … xvdz, xvdaa … (xen-vbd-interface(7)). */
export function diskName(index: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  let name = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) name = (letters[(rest - 1) % 26] ?? '') + name;
  return `xvd${name}`;
}

function literal(value: string | number | readonly string[]): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoted(value);
  return `[${value.map(quoted).join(', ')}]`;
}

/** xl's strings know C's escapes (xen tools/libs/util/libxlu_cfg.c, xlu__cfgl_dequote). */
function quoted(text: string): string {
  let escaped = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === '"' || character === '\\') escaped += `\\${character}`;
    else if (code < 0x20 || code === 0x7f) escaped += `\\x${code.toString(16).padStart(2, '0')}`;
    else escaped += character;
  }
  return `"${escaped}"`;
}
