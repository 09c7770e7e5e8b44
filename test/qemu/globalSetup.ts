/** Bundles what is shipped, and has it build the boot image, once for all tests. */

import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { missingTools, installCommand } from '../../src/backend/image/tools';
import { buildDist } from '../support/dist';
import { runPxen } from './program';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the bundled command line. */
    readonly pxen: string;
    /** A drive that holds the image `dom0-1` and nothing else, kept between runs. */
    readonly imageDrive: string;
  }
}

/** 9 August 2025: with it set, an image is a function of its packages. */
const SOURCE_DATE_EPOCH = '1754697600';

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const missing = [...(await missingTools('image build')), ...(await missingTools('lab --qemu'))];
  if (missing.length > 0) throw new Error(`These tests need ${missing.map(({ name }) => name).join(', ')}. Install with: ${installCommand(missing)}`);
  const { pxen, remove } = await buildDist();
  // What a test's program leaves behind is found by the next run, as a user's would be.
  process.env['PXEN_CACHE'] ??= path.join(os.homedir(), '.cache', 'pxen');
  process.env['SOURCE_DATE_EPOCH'] = SOURCE_DATE_EPOCH;
  const imageDrive = path.join(process.env['PXEN_CACHE'], 'test-image');
  const built = await runPxen(pxen, ['image', 'build', imageDrive]);
  if (built.exitCode !== 0) throw new Error(`The image could not be built:\n${built.err}`);
  project.provide('pxen', pxen);
  project.provide('imageDrive', imageDrive);
  return remove;
}
