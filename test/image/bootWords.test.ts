import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BOOT_WORDS_PATH, bootWordsArchive, readBootWords, type BootWords } from '../../src/backend/image/bootWords';

const WORDS: BootWords = { 'pxen.server': 'http://10.77.0.1', 'pxen.mac': '52:54:00:aa:00:01', 'pxen.token': 'a=b', 'pxen.root.size': '107999232' };
const withoutCpio = spawnSync('cpio', ['--version']).error !== undefined;

describe('the words a host boots with', () => {
  it('are read back from the beginning of its initrd, whatever follows', () => {
    expect(readBootWords(Buffer.concat([bootWordsArchive(WORDS), Buffer.from('the image\'s initrd')]))).toEqual(WORDS);
  });

  it('keep the initrd that follows aligned', () => {
    for (const host of ['a', 'ab', 'abc', 'abcd', 'x'.repeat(600)]) expect(bootWordsArchive({ 'pxen.host': host }).length % 512).toBe(0);
  });

  it.skipIf(withoutCpio)('are an archive that GNU cpio takes out whole (skipped without cpio)', () => {
    const archive = bootWordsArchive(WORDS);
    const text = execFileSync('cpio', ['-i', '--quiet', '--to-stdout', BOOT_WORDS_PATH], { input: archive }).toString();
    expect(text).toBe('pxen.server=http://10.77.0.1\npxen.mac=52:54:00:aa:00:01\npxen.token=a=b\npxen.root.size=107999232\n');
  });

  it('are missed in words when an initrd has none', () => {
    expect(() => readBootWords(Buffer.alloc(200))).toThrow("The initrd doesn't begin with pxen.boot.");
  });
});
