/** Bundles the command line once, so that what is tried is what is shipped. */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the bundled command line. */
    readonly pxen: string;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0) throw new Error('These tests make network namespaces and bind ports below 1024: run them as root.');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-clients-'));
  const outfile = path.join(folder, 'pxen.js');
  await build({
    entryPoints: ['src/backend/bin.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['*.node', 'cpu-features'],
    define: { PXEN_VERSION: '"test"' },
    logLevel: 'error',
  });
  project.provide('pxen', outfile);
  return () => rm(folder, { recursive: true, force: true });
}
