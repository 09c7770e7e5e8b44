/** Quantities as people write them in the specs. */

const BINARY = [['TiB', 2 ** 40], ['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]] as const;
const DECIMAL = [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]] as const;

/** `8 GiB`, `1.5 TiB`; a shown number is never more than one hundredth off. */
export function bytes(value: number): string {
  return scaled(value, BINARY, 'B');
}

/** `450 MB/s` */
export function bandwidth(value: number): string {
  return `${scaled(value, DECIMAL, 'B')}/s`;
}

export function vcpus(milliCpus: number): string {
  const count = trimmed(milliCpus / 1000);
  return `${count} ${count === '1' ? 'vCPU' : 'vCPUs'}`;
}

/** `a`, `a and b`, `a, b and c` */
export function list(items: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  if (items.length <= 1) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${conjunction} ${items.at(-1) ?? ''}`;
}

/** `a, b and c`; of many the first few. */
export function someOf(names: readonly string[]): string {
  return names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more` : list(names);
}

/** Names that are told before the rest is counted. */
export const MOST_NAMES = 6;

/** `1 VM`, `2 VMs` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

export function percent(load: number): string {
  return `${Math.round(load * 100)} %`;
}

function scaled(value: number, units: readonly (readonly [string, number])[], base: string): string {
  const unit = units.find(([, size]) => Math.abs(value) >= size);
  return unit === undefined ? `${trimmed(value)} ${base}` : `${trimmed(value / unit[1])} ${unit[0]}`;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(2)));
}
