import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from '../../src/backend/hosts/shell';
import { splitWords } from '../../src/lab/simulated/dom0/words';

const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }).filter((word) => !word.includes('\0')), { minLength: 1, maxLength: 6 });

describe('quoting', () => {
  it('leaves plain words readable', () => {
    expect(quote(['mdadm', '--uuid=3aaa0122:2982', '/dev/md/pxen-r0', 'a b', "it's", ''])).toBe(`mdadm --uuid=3aaa0122:2982 /dev/md/pxen-r0 'a b' 'it'\\''s' ''`);
  });

  it('gives a shell exactly the words that went in', () => {
    fc.assert(
      fc.property(words, (original) => {
        const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${quote(original)}`]);
        expect(stdout.toString('utf8').split('\0').slice(0, -1)).toEqual(original);
      }),
      { numRuns: 60 },
    );
  });

  it('is read back by the lab', () => {
    fc.assert(
      fc.property(words, (original) => {
        expect(splitWords(quote(original))).toEqual(original);
      }),
    );
  });

  it.each(['cat a | wc', 'cat a > b', 'echo $HOME', 'ls *', 'a && b', 'a; b', 'echo `id`', "echo 'open"])('the lab takes no more of a shell than words: %s', (line) => {
    expect(splitWords(line)).toBeUndefined();
  });
});
