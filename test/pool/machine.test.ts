import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { play } from './script';

const FOLDER = path.join(import.meta.dirname, 'testdata');

describe('the pool’s machine does what its scripts say', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
    it(file.replace(/\.txt$/, '').replaceAll('-', ' '), () => {
      const script = readFileSync(path.join(FOLDER, file), 'utf8');
      const played = play(script);
      // PXEN_UPDATE_GOLDENS=1 npx vitest run test/pool
      if (process.env['PXEN_UPDATE_GOLDENS'] === '1') writeFileSync(path.join(FOLDER, file), played);
      expect(played).toBe(script);
    });
  }
});
