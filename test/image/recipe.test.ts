import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_MIRROR, DEFAULT_SUITE, readRecipe, type RecipeChoice } from '../../src/backend/image/recipe';

const CHOICE: RecipeChoice = { suite: DEFAULT_SUITE, mirror: DEFAULT_MIRROR };
let assets: string;

beforeEach(async () => {
  assets = await mkdtemp(path.join(tmpdir(), 'pxen-recipe-'));
  await cp('src/backend/image/assets', assets, { recursive: true });
});

afterEach(() => rm(assets, { recursive: true, force: true }));

describe('what an image is made of', () => {
  it('has the same sum as long as nothing of it changes', async () => {
    expect((await readRecipe(CHOICE, assets)).inputs).toBe((await readRecipe(CHOICE, 'src/backend/image/assets')).inputs);
  });

  it.each<[string, RecipeChoice]>([
    ['another mirror', { ...CHOICE, mirror: 'http://mirror.example/debian' }],
    ['another date', { ...CHOICE, sourceDateEpoch: 1 }],
    ['another suite', { ...CHOICE, suite: 'bookworm' }],
  ])('has another sum with %s', async (_what, choice) => {
    expect((await readRecipe(choice, assets)).inputs).not.toBe((await readRecipe(CHOICE, assets)).inputs);
  });

  it.each(['customize.sh', 'initrd/init', 'root/usr/lib/pxen/start', 'root/etc/new-file'])('has another sum when %s changes', async (file) => {
    const before = (await readRecipe(CHOICE, assets)).inputs;
    await writeFile(path.join(assets, file), 'changed\n');
    expect((await readRecipe(CHOICE, assets)).inputs).not.toBe(before);
  });

  it('takes security updates with the default mirror, and only what it has from another', async () => {
    expect((await readRecipe(CHOICE, assets)).sources).toEqual([
      'deb http://deb.debian.org/debian trixie main',
      'deb http://deb.debian.org/debian trixie-updates main',
      'deb http://deb.debian.org/debian-security trixie-security main',
    ]);
    expect((await readRecipe({ ...CHOICE, mirror: 'http://mirror.example/debian' }, assets)).sources).toEqual(['deb http://mirror.example/debian trixie main']);
  });

  it('has the Xen of its suite', async () => {
    expect((await readRecipe(CHOICE, assets)).packages).toEqual(expect.arrayContaining(['xen-hypervisor-4.20-amd64', 'xen-utils-4.20']));
    await expect(readRecipe({ ...CHOICE, suite: 'forky' }, assets)).rejects.toThrow('PXEN doesn\'t know which Xen Debian "forky" has. Known suites: bookworm, trixie.');
  });
});
