/** Bundles the tests that run in VS Code, and what stands in for the desktop, into .cache/vscode. */

import { build } from 'esbuild';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const OUT = join(ROOT, '.cache', 'vscode');

const COMMON = { bundle: true, platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'warning' };

export async function bundleVsCodeTests() {
  await rm(OUT, { recursive: true, force: true });
  const tests = join(ROOT, 'test', 'vscode');
  const code = join(OUT, 'code.js');
  const suites = (await readdir(join(tests, 'host'))).filter((name) => name === 'index.ts' || name.endsWith('.test.ts'));
  await build({
    ...COMMON,
    format: 'cjs',
    entryPoints: [...suites.map((name) => join(tests, 'host', name)), join(tests, 'speed', 'index.ts')],
    outbase: tests,
    outdir: OUT,
    external: ['vscode', 'mocha'],
  });
  await build({
    ...COMMON,
    format: 'cjs',
    entryPoints: [join(tests, 'harness', 'code.ts')],
    outfile: code,
    external: ['playwright-core'],
    banner: { js: '#!/usr/bin/env node' },
  });
  await chmod(code, 0o755);
}

/** The program that takes the picture; as deep below the root as its sources, which find the root from where they lie. */
export async function bundleScreenshot() {
  const outfile = join(OUT, 'ui', 'screenshot.mjs');
  await build({ ...COMMON, format: 'esm', entryPoints: [join(ROOT, 'test', 'vscode', 'ui', 'screenshot.ts')], outfile, external: ['playwright-core'] });
  return outfile;
}
