import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PROBLEM_CODES } from '../../src/backend/drive/problems';
import { readDrive } from '../../src/backend/drive/read';
import { formatProblems, readGolden, updateGolden } from './golden';

const folder = path.join(import.meta.dirname, 'problems');
const update = process.env['UPDATE_GOLDEN'] !== undefined;
/** Told by whoever opens the files: `load.test.ts`. */
const CODES_OF_FILES = ['file-unreadable', 'file-too-large', 'file-encoding', 'file-name', 'file-case'];

for (const name of readdirSync(folder)) {
  describe(`Problems told: ${path.basename(name, '.txt')}`, () => {
    const file = path.join(folder, name);
    const actual = new Map<string, string>();

    for (const golden of readGolden(file)) {
      test(golden.title, () => {
        const { problems, model } = readDrive(golden.files, golden.surroundings);
        actual.set(golden.title, formatProblems(problems));
        expect(model === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
        if (!update) expect(formatProblems(problems)).toBe(golden.expected);
      });
    }

    afterAll(() => {
      if (update) updateGolden(file, actual);
    });
  });
}

test('Every code is shown by a golden case', () => {
  const shown = new Set(
    readdirSync(folder)
      .flatMap((name) => readGolden(path.join(folder, name)))
      .flatMap(({ expected }) => [...expected.matchAll(/^\S+ \w+ ([a-z-]+) /gm)].map(([, code]) => code)),
  );
  expect(PROBLEM_CODES.filter((code) => !shown.has(code) && !CODES_OF_FILES.includes(code))).toEqual([]);
});

test('A file that changes nothing but the order of files and lists gives the same problems', () => {
  for (const golden of readGolden(path.join(folder, 'references.txt'))) {
    const reversed = new Map([...golden.files].reverse());
    expect(readDrive(reversed, golden.surroundings)).toEqual(readDrive(golden.files, golden.surroundings));
  }
});
