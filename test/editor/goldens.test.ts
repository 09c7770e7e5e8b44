/**
 * Each folder holds golden cases of one feature: a drive, a `|` in one of its files, and what the feature answers there.
 * `UPDATE_GOLDEN=1 npx vitest run test/editor` writes what it answers now; read the diff before committing it.
 */

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readGolden, updateGolden } from '../drive/golden';
import { atCursor, type AtCursor } from './cursor';
import * as show from './show';

const FEATURES: Readonly<Record<string, (at: AtCursor) => string>> = {
  completion: show.completions,
  hover: show.hover,
  navigation: show.navigation,
  rename: show.renaming,
  outline: show.outline,
  format: show.formatted,
  placement: show.placement,
  hints: show.hints,
  rewrites: show.rewrites,
};

const update = process.env['UPDATE_GOLDEN'] !== undefined;

for (const [feature, answer] of Object.entries(FEATURES)) {
  const folder = path.join(import.meta.dirname, feature);
  for (const name of readdirSync(folder)) {
    describe(`${feature}: ${path.basename(name, '.txt')}`, () => {
      const file = path.join(folder, name);
      const actual = new Map<string, string>();

      for (const golden of readGolden(file)) {
        test(golden.title, () => {
          const answered = answer(atCursor(golden));
          actual.set(golden.title, answered);
          if (!update) expect(answered).toBe(golden.expected);
        });
      }

      afterAll(() => {
        if (update) updateGolden(file, actual);
      });
    });
  }
}
