/** Faults a simulated host can be given, and how they are asked for: `--fault node3=dies-once-at:root`. Pure. */

import type { PoolModel } from '../../backend/drive/model';

/** Points of the way up where a machine can lose its power. */
export const DEATHS = ['dhcp', 'bootloader', 'kernel', 'root', 'hello', 'ssh', 'arrays'] as const;
export type Death = (typeof DEATHS)[number];

export type Fault =
  | { readonly kind: 'never-wakes' }
  /** Share of UDP packets that go missing, each way, 0…1. */
  | { readonly kind: 'packet-loss'; readonly share: number }
  /** Loses its power at this point: at each boot, or at the first only. */
  | { readonly kind: 'dies-at'; readonly state: Death; readonly times: 'always' | 'once' }
  /** One member of the array is out of the machine. */
  | { readonly kind: 'degraded'; readonly array: string }
  /** All its members are. */
  | { readonly kind: 'missing-array'; readonly array: string }
  /** The array belongs to another drive. */
  | { readonly kind: 'foreign-array'; readonly array: string }
  /** The first root image it fetches arrives damaged. */
  | { readonly kind: 'damaged-download' }
  /** Everything takes this many times as long. */
  | { readonly kind: 'slow'; readonly factor: number };

export type Faults = Readonly<Record<string, readonly Fault[]>>;

/** For help texts and errors: every form, with what it does. */
export const FAULT_FORMS: readonly (readonly [form: string, does: string])[] = [
  ['never-wakes', 'stays off'],
  ['packet-loss:PERCENT%', 'loses that share of its DHCP and TFTP packets'],
  [`dies-at:STATE`, `loses its power there at each boot (STATE: ${DEATHS.join(', ')})`],
  ['dies-once-at:STATE', 'loses its power there at the first boot only'],
  ['degraded:ARRAY', 'has one disk of that array missing'],
  ['missing-array:ARRAY', 'has all disks of that array missing'],
  ['foreign-array:ARRAY', 'has an array in that place that belongs to another drive'],
  ['damaged-download', 'gets its first root image damaged'],
  ['slow:FACTOR', 'takes that many times as long for everything'],
];

/** Reads `HOST=FAULT` words. Problems are whole sentences; with any, `faults` is not to be used. */
export function parseFaults(words: readonly string[], model: PoolModel): { readonly faults: Faults; readonly problems: readonly string[] } {
  const faults: Record<string, Fault[]> = {};
  const problems: string[] = [];
  for (const word of words) {
    const [name = '', ...rest] = word.split('=');
    const form = rest.join('=');
    const host = model.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) {
      problems.push(`--fault ${word}: there is no host "${name}". The drive has ${model.hosts.map((one) => one.name).join(', ')}.`);
      continue;
    }
    const fault = parseFault(form);
    if (fault === undefined) {
      problems.push(`--fault ${word}: "${form}" is no fault. There are:\n${FAULT_FORMS.map(([usage, does]) => `  ${usage.padEnd(22)} ${does}`).join('\n')}`);
      continue;
    }
    if ('array' in fault && !host.arrays.some((array) => array.name === fault.array)) {
      problems.push(`--fault ${word}: ${name} has no array "${fault.array}". It has ${host.arrays.map((array) => array.name).join(', ') || 'none'}.`);
      continue;
    }
    (faults[name] ??= []).push(fault);
  }
  return { faults, problems };
}

function parseFault(form: string): Fault | undefined {
  const [kind = '', ...rest] = form.split(':');
  const value = rest.join(':');
  switch (kind) {
    case 'never-wakes':
    case 'damaged-download':
      return value === '' ? { kind } : undefined;
    case 'packet-loss': {
      const percent = /^(\d{1,2}(?:\.\d+)?)%$/.exec(value)?.[1];
      return percent === undefined ? undefined : { kind, share: Number(percent) / 100 };
    }
    case 'dies-at':
    case 'dies-once-at': {
      const state = DEATHS.find((one) => one === value);
      return state === undefined ? undefined : { kind: 'dies-at', state, times: kind === 'dies-at' ? 'always' : 'once' };
    }
    case 'degraded':
    case 'missing-array':
    case 'foreign-array':
      return value === '' ? undefined : { kind, array: value };
    case 'slow': {
      const factor = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
      return factor >= 1 ? { kind, factor } : undefined;
    }
    default:
      return undefined;
  }
}
