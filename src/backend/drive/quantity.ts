/** Quantities with units: `8GiB`, `120MB/s`, `10m`. Text ↔ bytes, bytes per second, milliseconds. */

export type QuantityKind = 'bytes' | 'bandwidth' | 'duration';

/** What a quantity is called in a sentence. */
export const QUANTITY_NAMES: Readonly<Record<QuantityKind, string>> = { bytes: 'a size', bandwidth: 'a bandwidth', duration: 'a time' };

/** The units it may be written in, in words. */
export const UNIT_NAMES: Readonly<Record<QuantityKind, string>> = {
  bytes: 'B, kB, MB, GB, TB, PB or KiB, MiB, GiB, TiB, PiB',
  bandwidth: 'B/s, kB/s, MB/s, GB/s or KiB/s, MiB/s, GiB/s (bytes, not bits)',
  duration: 'ms, s, m, h, d',
};

/** Why a text is no quantity. `suggestions` are texts that would be, best first. */
export interface QuantityFault {
  readonly reason: 'unit-missing' | 'unit-unknown' | 'malformed' | 'negative' | 'too-large';
  readonly suggestions: readonly string[];
}

export type QuantityResult = { readonly value: number } | { readonly fault: QuantityFault };

/**
 * Reads a quantity as bytes, bytes per second or milliseconds, rounded to a whole one. Both decimal (`GB`, 1000³) and binary
 * (`GiB`, 1024³) units are exact (IEC 80000-13). Takes any value a YAML file can hold; never throws.
 */
export function parseQuantity(kind: QuantityKind, written: unknown): QuantityResult {
  const text = typeof written === 'number' || typeof written === 'string' ? String(written).trim() : '';
  const match = text.length <= MAX_LENGTH ? /^([+-]?)(\d+)(?:\.(\d+))?( ?)([A-Za-zµ/]*)$/.exec(text) : null;
  if (!match) return fault('malformed', [EXAMPLES[kind]]);
  const [, sign = '', whole = '', fraction = '', , unit = ''] = match;
  const number = fraction === '' ? whole : `${whole}.${fraction}`;
  if (unit === '') return fault('unit-missing', COMMON_UNITS[kind].map((common) => number + common));
  const unitSize = UNITS[kind].get(unit);
  if (unitSize === undefined) return fault('unit-unknown', likelyUnits(kind, unit, Number(number)));
  if (sign === '-') return fault('negative', [number + unit]);
  if (sign === '+') return fault('malformed', [number + unit]);
  const value = scaled(whole, fraction, unitSize);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? fault('too-large', []) : { value: Number(value) };
}

/** The shortest text that reads back as exactly this quantity; whole values of the largest unit that fits. */
export function formatQuantity(kind: QuantityKind, value: number): string {
  const fitting = [...UNITS[kind]].filter(([, size]) => value !== 0 && BigInt(value) % size === 0n).sort(([, a], [, b]) => Number(b - a));
  const [unit, size] = fitting[0] ?? [SMALLEST_UNIT[kind], 1n];
  return `${BigInt(value) / size}${unit}`;
}

/** Longer than any quantity that fits, and short enough that no text costs time. */
const MAX_LENGTH = 64;

const BYTE_UNITS = new Map<string, bigint>([
  ['B', 1n],
  ...['k', 'M', 'G', 'T', 'P'].map((prefix, index): [string, bigint] => [`${prefix}B`, 1000n ** BigInt(index + 1)]),
  ...['K', 'M', 'G', 'T', 'P'].map((prefix, index): [string, bigint] => [`${prefix}iB`, 1024n ** BigInt(index + 1)]),
]);

const UNITS: Readonly<Record<QuantityKind, ReadonlyMap<string, bigint>>> = {
  bytes: BYTE_UNITS,
  bandwidth: new Map([...BYTE_UNITS].map(([unit, size]): [string, bigint] => [`${unit}/s`, size])),
  duration: new Map([
    ['ms', 1n],
    ['s', 1000n],
    ['m', 60_000n],
    ['h', 3_600_000n],
    ['d', 86_400_000n],
  ]),
};

const SMALLEST_UNIT: Readonly<Record<QuantityKind, string>> = { bytes: 'B', bandwidth: 'B/s', duration: 'ms' };
const EXAMPLES: Readonly<Record<QuantityKind, string>> = { bytes: '8GiB', bandwidth: '120MB/s', duration: '10s' };
const COMMON_UNITS: Readonly<Record<QuantityKind, readonly string[]>> = { bytes: ['GiB', 'MiB'], bandwidth: ['MB/s'], duration: ['s', 'm'] };

function fault(reason: QuantityFault['reason'], suggestions: readonly string[]): QuantityResult {
  return { fault: { reason, suggestions } };
}

/** whole.fraction × unit in exact arithmetic, rounded half up. */
function scaled(whole: string, fraction: string, unitSize: bigint): bigint {
  const scale = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * unitSize * 2n + scale) / (scale * 2n);
}

function likelyUnits(kind: QuantityKind, unit: string, number: number): readonly string[] {
  if (kind === 'duration') return [likelyDuration(unit) ?? COMMON_UNITS.duration].flat().map((likely) => `${number}${likely}`);
  const bits = /^([kKMGT])(i?)(?:bit|b)(?:\/s|ps|)$/.exec(unit);
  if (bits && kind === 'bandwidth') return [bitsAsBytes(number, bits[1] ?? '')];
  const prefix = /^([kKmMgGtTpP])(i?)[bB]?(?:\/s|\/S|ps)?$/.exec(unit);
  if (!prefix) return COMMON_UNITS[kind].map((common) => `${number}${common}`);
  const letter = (prefix[1] ?? '').toUpperCase();
  const binary = `${letter}iB`;
  const decimal = `${letter === 'K' ? 'k' : letter}B`;
  const likely = prefix[2] === 'i' ? [binary] : unit.length === 1 ? [decimal, binary] : [decimal];
  return likely.map((candidate) => `${number}${candidate}${kind === 'bandwidth' ? '/s' : ''}`);
}

function likelyDuration(unit: string): string | undefined {
  const words = [[/^m(illi)?s(ec(ond)?s?)?$/i, 'ms'], [/^s(ec(ond)?s?)?$/i, 's'], [/^m(in(ute)?s?)?$/i, 'm'], [/^h((ou)?rs?)?$/i, 'h'], [/^d(ays?)?$/i, 'd']] as const;
  return words.find(([pattern]) => pattern.test(unit))?.[1];
}

/** Network people say bits: 1Gbit/s is 125MB/s. */
function bitsAsBytes(number: number, prefix: string): string {
  const bytesPerUnit: Readonly<Record<string, number>> = { k: 125, M: 125e3, G: 125e6, T: 125e9 };
  const value = Math.round(number * (bytesPerUnit[prefix === 'K' ? 'k' : prefix] ?? 0));
  if (value % 1e6 === 0) return `${value / 1e6}MB/s`;
  return value % 1e3 === 0 ? `${value / 1e3}kB/s` : `${value}B/s`;
}
