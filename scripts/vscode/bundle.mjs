/** Bundles the tests that run in VS Code, and what stands in for the desktop, into .cache/vscode. */

import { build } from 'esbuild';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const OUT = join(ROOT, '.cache', 'vscode');

export async function bundleVsCodeTests() {
  await rm(OUT, { recursive: true, force: true });
  const tests = join(ROOT, 'test', 'vscode');
  const code = join(OUT, 'code.js');
  const common = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', sourcemap: 'inline', logLevel: 'warning' };
  const suites = (await readdir(join(tests, 'host'))).filter((name) => name === 'index.ts' || name.endsWith('.test.ts'));
  await build({
    ...common,
    entryPoints: suites.map((name) => join(tests, 'host', name)),
    outdir: join(OUT, 'host'),
    external: ['vscode', 'mocha'],
  });
  await build({
    ...common,
    entryPoints: [join(tests, 'harness', 'code.ts')],
    outfile: code,
    external: ['playwright-core'],
    banner: { js: '#!/usr/bin/env node' },
  });
  await chmod(code, 0o755);
}
