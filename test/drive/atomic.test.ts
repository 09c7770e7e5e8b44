import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { createFileAtomic, writeFileAtomic } from '../../src/backend/drive/atomic';
import { temporaryFolder } from './folder';

describe('createFileAtomic', () => {
  test('Of many at the same time one succeeds, and its content stays', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'identity.json');
    const succeeded = await Promise.all(Array.from({ length: 20 }, (_, index) => createFileAtomic(file, `content ${index}`)));
    expect(succeeded.filter(Boolean)).toHaveLength(1);
    expect(readFileSync(file, 'utf8')).toBe(`content ${succeeded.indexOf(true)}`);
    expect(readdirSync(folder)).toEqual(['identity.json']);
  });
});

describe('writeFileAtomic', () => {
  test('Replaces a file, makes its folder, and leaves nothing else behind', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'state/hosts/node1.json');
    await writeFileAtomic(file, 'first');
    await writeFileAtomic(file, Buffer.from('second'));
    expect(readFileSync(file, 'utf8')).toBe('second');
    expect(readdirSync(path.dirname(file))).toEqual(['node1.json']);
  });

  test('Gives a new file the mode asked for, also where a wider one stood', async () => {
    const folder = temporaryFolder({ key: 'old' });
    const file = path.join(folder, 'key');
    chmodSync(file, 0o644);
    await writeFileAtomic(file, 'secret', { mode: 0o600 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('When it fails, the old content stands and no temporary file is left', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'taken'));
    await expect(writeFileAtomic(path.join(folder, 'taken'), 'x')).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['taken']);
  });

  test('A reader finds the old content or the new, whenever the writer is killed', async () => {
    const folder = temporaryFolder();
    const script = path.join(folder, 'writer.mjs');
    await build({
      stdin: {
        contents: `
          import { createFileAtomic, writeFileAtomic } from './src/backend/drive/atomic';
          for (let round = 0; ; round += 1) {
            await writeFileAtomic(process.argv[2], String.fromCharCode(97 + (round % 26)).repeat(3_000_000));
            process.stdout.write('.');
          }`,
        resolveDir: path.join(import.meta.dirname, '../..'),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
    });
    const target = path.join(folder, 'data/lock.json');
    let cutOff = 0;
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const writer = spawn(process.execPath, [script, target], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(writer, 'exit');
      await once(writer.stdout, 'data');
      // In the middle of a write: its temporary file is there.
      await expect.poll(() => readdirSync(path.dirname(target)).some((name) => name !== 'lock.json'), { interval: 1, timeout: 10_000 }).toBe(true);
      writer.kill('SIGKILL');
      await ended;
      const content = readFileSync(target, 'utf8');
      expect(content).toHaveLength(3_000_000);
      expect(new Set(content).size).toBe(1);
      if (readdirSync(path.dirname(target)).length > 1) cutOff += 1;
    }
    expect(existsSync(target)).toBe(true);
    // Otherwise no kill came in time, and the test has shown nothing.
    expect(cutOff).toBeGreaterThan(0);
  });
});
