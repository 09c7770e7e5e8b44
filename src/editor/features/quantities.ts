/** Quantities in the other family of units: what is written in GB, in GiB, and the other way round. */

import type { QuantityKind } from '../../backend/drive/quantity';

/** At most one binary and one decimal text, to three digits; the second only where it is another number. */
export function inOtherUnits(kind: QuantityKind, value: number): readonly string[] {
  if (kind === 'duration' || value === 0) return [];
  const suffix = kind === 'bandwidth' ? '/s' : '';
  return [`${scaled(value, 1024, BINARY)}${suffix}`, `${scaled(value, 1000, DECIMAL)}${suffix}`];
}

/** The text in the family of units that `written` isn't in; undefined for quantities without families. */
export function inOtherFamily(kind: QuantityKind, written: string, value: number): string | undefined {
  const [binary, decimal] = inOtherUnits(kind, value);
  return /[KMGTP]iB/.test(written) ? decimal : /[kMGTP]B/.test(written) ? binary : undefined;
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

function scaled(value: number, base: number, units: readonly string[]): string {
  let exponent = 0;
  let size = value;
  for (; size >= base && exponent < units.length - 1; exponent += 1) size /= base;
  return `${Number(size.toPrecision(size >= 100 ? 4 : 3))} ${units[exponent] ?? 'B'}`;
}
