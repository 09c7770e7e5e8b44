/** Bundles the command line with its assets, and has it build the boot image, once for all tests. */

import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import type { TestProject } from 'vitest/node';
import { missingTools, installCommand } from '../../src/backend/image/tools';
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
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-qemu-'));
  const pxen = path.join(folder, 'pxen.js');
  await build({
    entryPoints: ['src/backend/bin.ts'],
    outfile: pxen,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['*.node', 'cpu-features'],
    define: { PXEN_VERSION: '"test"' },
    logLevel: 'error',
  });
  await cp('src/backend/image/assets', path.join(folder, 'image'), { recursive: true });
  await cp('src/lab/qemu/assets', path.join(folder, 'qemu-lab'), { recursive: true });
  // What a test's program leaves behind is found by the next run, as a user's would be.
  process.env['PXEN_CACHE'] ??= path.join(os.homedir(), '.cache', 'pxen');
  process.env['SOURCE_DATE_EPOCH'] = SOURCE_DATE_EPOCH;
  const imageDrive = path.join(process.env['PXEN_CACHE'], 'test-image');
  const built = await runPxen(pxen, ['image', 'build', imageDrive]);
  if (built.exitCode !== 0) throw new Error(`The image could not be built:\n${built.err}`);
  project.provide('pxen', pxen);
  project.provide('imageDrive', imageDrive);
  return () => rm(folder, { recursive: true, force: true });
}
