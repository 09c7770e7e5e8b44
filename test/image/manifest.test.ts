import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IMAGE_FILES, ImageError, checkImageFiles, describeImageFiles, parseManifest, readManifest, writeManifest, type Manifest } from '../../src/backend/image/manifest';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pxen-manifest-'));
  for (const name of IMAGE_FILES) await writeFile(path.join(folder, name), `content of ${name}`);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function manifest(): Promise<Manifest> {
  return {
    name: 'dom0-1',
    created: '2025-08-09T00:00:00Z',
    versions: { xen: '4.20', linux: '6.12', debian: '13' },
    files: await describeImageFiles(folder),
    xenArguments: 'dom0_mem=1024M,max:1024M',
  };
}

describe('a manifest', () => {
  it('reads back as it was written, and leaves no temporary file behind', async () => {
    const written = await manifest();
    await writeManifest(folder, written);
    expect(await readManifest(folder)).toEqual(written);
    expect((await readdir(folder)).sort()).toEqual([...IMAGE_FILES, 'manifest.json'].sort());
  });

  it('lists the sha256 that coreutils would print', async () => {
    await writeFile(path.join(folder, 'xen'), 'abc');
    // FIPS 180-2, appendix B.1.
    expect((await describeImageFiles(folder)).xen).toEqual({ size: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' });
  });

  it('that is absent is answered with the command that builds the image', async () => {
    await expect(readManifest(folder)).rejects.toThrow(new ImageError(`There is no boot image in ${folder}.`));
  });

  it.each<[string, (value: Record<string, unknown>) => unknown, string]>([
    ['has an empty name', (value) => ({ ...value, name: '' }), '"name" must be a non-empty string'],
    ['is a list', () => [], 'is not a JSON object'],
    ['has a numeric version', (value) => ({ ...value, versions: { xen: 4.2 } }), '"versions" must map names to strings'],
    ['lacks a file', (value) => ({ ...value, files: { ...(value['files'] as object), initrd: undefined } }), '"files" lacks "initrd"'],
    ['has a negative size', (value) => ({ ...value, files: { ...(value['files'] as object), xen: { size: -1, sha256: '0'.repeat(64) } } }), 'the size of "xen" must be a whole number of bytes'],
    ['has a shortened sum', (value) => ({ ...value, files: { ...(value['files'] as object), xen: { size: 1, sha256: 'abc' } } }), 'the sha256 of "xen" must be 64'],
    ['smuggles a line into the command line', (value) => ({ ...value, xenArguments: 'a\nb' }), '"xenArguments" must be one line'],
  ])('that %s is refused, saying so', async (_case, change, message) => {
    const text = JSON.stringify(change({ ...(await manifest()) }));
    expect(() => parseManifest(text, 'images/dom0-1/manifest.json')).toThrow(message);
    expect(() => parseManifest(text, 'images/dom0-1/manifest.json')).toThrow(/^images\/dom0-1\/manifest\.json: /);
  });

  it('that is no JSON is refused with the file named', () => {
    expect(() => parseManifest('{', 'm.json')).toThrow(/^m\.json: is not JSON/);
  });
});

describe('checking an image against its manifest', () => {
  it('finds nothing in a whole image', async () => {
    expect(await checkImageFiles(folder, await manifest(), 'hashes')).toEqual([]);
  });

  it('names a missing file, one of another size, and one that is damaged', async () => {
    const expected = await manifest();
    await rm(path.join(folder, 'initrd'));
    await writeFile(path.join(folder, 'vmlinuz'), 'short');
    const damaged = (await readFile(path.join(folder, 'xen'), 'utf8')).replace('c', 'C');
    await writeFile(path.join(folder, 'xen'), damaged);
    expect(await checkImageFiles(folder, expected, 'hashes')).toEqual([
      `${path.join(folder, 'xen')} is damaged: its sha256 differs from the manifest's.`,
      `${path.join(folder, 'vmlinuz')} has 5 bytes; the manifest says 18.`,
      `${path.join(folder, 'initrd')} is missing.`,
    ]);
    expect(await checkImageFiles(folder, expected, 'sizes')).toHaveLength(2);
  });
});
