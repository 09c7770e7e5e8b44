/** Bundles the command line once, so that what is tried is what is shipped. */

import type { TestProject } from 'vitest/node';
import { buildDist } from '../support/dist';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the bundled command line. */
    readonly pxen: string;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0) throw new Error('These tests make network namespaces and bind ports below 1024: run them as root.');
  const dist = await buildDist();
  project.provide('pxen', dist.pxen);
  return dist.remove;
}
