import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatQuantity, parseQuantity, type QuantityKind } from '../../src/backend/drive/quantity';
import { SCHEMAS } from '../../src/backend/drive/schemaTree';

describe('Quantities', () => {
  test.each<[QuantityKind, string, number]>([
    ['bytes', '8GB', 8_000_000_000],
    ['bytes', '8GiB', 8_589_934_592],
    ['bytes', '1.5 TiB', 1_649_267_441_664],
    ['bytes', '0.1kB', 100],
    ['bytes', '0B', 0],
    ['bytes', '7.5PiB', 8_444_249_301_319_680],
    ['bandwidth', '120MB/s', 120_000_000],
    ['bandwidth', '1KiB/s', 1024],
    ['duration', '10m', 600_000],
    ['duration', '1.5s', 1500],
    ['duration', '250ms', 250],
    ['duration', '1d', 86_400_000],
  ])('%s %s', (kind, text, value) => {
    expect(parseQuantity(kind, text)).toEqual({ value });
  });

  test.each<[QuantityKind, unknown, string, readonly string[]]>([
    ['bytes', 8, 'unit-missing', ['8GiB', '8MiB']],
    ['bytes', '8', 'unit-missing', ['8GiB', '8MiB']],
    ['bytes', '8g', 'unit-unknown', ['8GB', '8GiB']],
    ['bytes', '8Gib', 'unit-unknown', ['8GiB']],
    ['bytes', '8KB', 'unit-unknown', ['8kB']],
    ['bytes', '-8GiB', 'negative', ['8GiB']],
    ['bytes', '+8GiB', 'malformed', ['8GiB']],
    ['bytes', '1,5GiB', 'malformed', ['8GiB']],
    ['bytes', '', 'malformed', ['8GiB']],
    ['bytes', null, 'malformed', ['8GiB']],
    ['bytes', { a: 1 }, 'malformed', ['8GiB']],
    ['bytes', '8PiB', 'too-large', []],
    ['bytes', '9999999999PiB', 'too-large', []],
    ['bandwidth', '100MB', 'unit-unknown', ['100MB/s']],
    ['bandwidth', '100Mbps', 'unit-unknown', ['12500kB/s']],
    ['bandwidth', '10Gbit/s', 'unit-unknown', ['1250MB/s']],
    ['duration', 90, 'unit-missing', ['90s', '90m']],
    ['duration', '5 minutes', 'unit-unknown', ['5m']],
    ['duration', '5 fortnights', 'unit-unknown', ['5s', '5m']],
  ])('%s %j is told as %s', (kind, written, reason, suggestions) => {
    expect(parseQuantity(kind, written)).toEqual({ fault: { reason, suggestions } });
  });

  test('A number of a million digits costs no time', () => {
    expect(parseQuantity('bytes', `${'9'.repeat(1_000_000)}GiB`)).toHaveProperty('fault.reason', 'malformed');
  });

  test('What is formatted reads back as the same quantity', () => {
    fc.assert(
      fc.property(fc.constantFrom<QuantityKind>('bytes', 'bandwidth', 'duration'), fc.maxSafeNat(), (kind, value) => {
        expect(parseQuantity(kind, formatQuantity(kind, value))).toEqual({ value });
      }),
    );
  });

  test.each([
    ['bytes', 40 * 2 ** 30, '40GiB'],
    ['bytes', 40e9, '40GB'],
    ['bandwidth', 120e6, '120MB/s'],
    ['duration', 600_000, '10m'],
    ['duration', 0, '0ms'],
  ] as const)('%s of %d is written %s', (kind, value, text) => {
    expect(formatQuantity(kind, value)).toBe(text);
  });

  test('Every suggestion but for what is no number at all is itself a quantity', () => {
    const unit = fc.oneof(fc.constantFrom('', 'G', 'gb', 'Mib', 'MB', 'GiB/s', 'Kbit/s', 'Gbps', 'sec', 'mins', 'x'), fc.stringMatching(/^[A-Za-z/]{0,5}$/));
    fc.assert(
      fc.property(fc.constantFrom<QuantityKind>('bytes', 'bandwidth', 'duration'), fc.integer({ min: 1, max: 7 }), unit, (kind, number, written) => {
        const result = parseQuantity(kind, `${number}${written}`);
        if ('fault' in result) for (const suggestion of result.fault.suggestions) expect(parseQuantity(kind, suggestion)).toHaveProperty('value');
      }),
    );
  });

  test("The schemas' patterns and the parser take the same texts", () => {
    const text = fc.oneof(fc.stringMatching(/^[+-]?[0-9]{0,4}(\.[0-9]{1,2})? ?[kKMGTP]?i?B?(\/s)?$/), fc.stringMatching(/^[0-9]{1,3} ?(ms|s|m|h|d|S|min)$/), fc.string({ maxLength: 12 }));
    for (const schema of Object.values(SCHEMAS)) {
      for (const kind of ['bytes', 'bandwidth', 'duration'] as const) {
        const pattern = (schema.$defs?.[kind] as { pattern?: string } | undefined)?.pattern;
        if (pattern === undefined) continue;
        fc.assert(
          fc.property(text, (written) => {
            const result = parseQuantity(kind, written);
            const wellFormed = 'value' in result || result.fault.reason === 'too-large';
            // The parser forgives blanks around; the schema needn't.
            expect(wellFormed).toBe(new RegExp(pattern, 'u').test(written.trim()));
          }),
        );
      }
    }
  });
});
