import { spawnSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const FOLDERS = ['src/backend/image/assets', 'src/lab/qemu/assets'];
const withoutShellcheck = spawnSync('shellcheck', ['--version']).error !== undefined;
const withoutPython = spawnSync('python3', ['--version']).error !== undefined;

async function scripts(shebang: RegExp): Promise<string[]> {
  const found: string[] = [];
  for (const folder of FOLDERS) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile() && shebang.test(await readFile(file, 'utf8'))) found.push(file);
    }
  }
  return found.sort();
}

describe('the scripts that go into images and guests', () => {
  it.skipIf(withoutShellcheck)('are found faultless by shellcheck (skipped without it)', async () => {
    const files = await scripts(/^#!\/\S*sh|^#!\/\S*busybox sh/);
    expect(files.length).toBeGreaterThan(5);
    const { status, stdout } = spawnSync('shellcheck', ['--shell=sh', ...files], { encoding: 'utf8' });
    expect(status, stdout).toBe(0);
  });

  it.skipIf(withoutPython)('compile, those in Python (skipped without python3)', async () => {
    const files = await scripts(/^#!\/usr\/bin\/python3/);
    expect(files).toEqual(['src/backend/image/assets/root/usr/lib/pxen/hello']);
    const { status, stderr } = spawnSync('python3', ['-c', 'import ast, sys\nfor name in sys.argv[1:]: ast.parse(open(name).read(), name)', ...files], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  });

  it('never assemble or make arrays, and never format, in what goes into an image', async () => {
    for (const file of (await scripts(/^#!/)).filter((name) => name.includes('/image/assets/'))) {
      expect(await readFile(file, 'utf8'), file).not.toMatch(/mdadm\s.*--(create|assemble|zero-superblock)|mkfs|mke2fs|pvcreate/);
    }
    expect(await readFile('src/backend/image/assets/root/etc/mdadm/mdadm.conf', 'utf8')).toMatch(/^HOMEHOST <ignore>\nAUTO -all$/m);
  });
});
