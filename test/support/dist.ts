/** All that is shipped, bundled by the build's own code, in a folder of the test's own: what is tried is what users get. */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bundleInto } from '../../scripts/build.mjs';

export interface Dist {
  readonly folder: string;
  /** The command line. */
  readonly pxen: string;
  readonly remove: () => Promise<void>;
}

export async function buildDist(): Promise<Dist> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-dist-'));
  await bundleInto(folder);
  return { folder, pxen: path.join(folder, 'pxen.js'), remove: () => rm(folder, { recursive: true, force: true }) };
}
