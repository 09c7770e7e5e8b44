/** The command line and the lab's machines, bundled as `npm run build` does it, into a folder of the test's own. */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Bundles {
  readonly pxen: string;
  readonly remove: () => Promise<void>;
}

export async function buildBundles(): Promise<Bundles> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-bundles-'));
  await build({
    absWorkingDir: ROOT,
    entryPoints: { pxen: 'src/backend/bin.ts', 'lab-hosts': 'src/lab/simulated/main.ts' },
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['vscode', '*.node', 'cpu-features'],
    define: { PXEN_VERSION: '"test"' },
    logLevel: 'error',
  });
  return { pxen: path.join(folder, 'pxen.js'), remove: () => rm(folder, { recursive: true, force: true }) };
}
