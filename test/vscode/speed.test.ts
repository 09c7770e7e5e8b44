/** Prints how quick the window is on a large drive. Figures of a busy machine prove nothing, so that none is asserted here. */

import { runTests } from '@vscode/test-electron';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { poolTexts } from '../../bench/editor/pool';
import { newProfile, ROOT } from './harness/profile';

const BUILT = join(ROOT, '.cache', 'vscode');

for (const vms of [600, 5000]) {
  it(`typing on a drive of 64 hosts and ${vms} VMs`, async () => {
    const profile = await newProfile();
    onTestFinished(() => profile.remove());
    await rm(profile.drive, { recursive: true });
    for (const [file, text] of poolTexts(64, vms)) {
      await mkdir(dirname(join(profile.drive, file)), { recursive: true });
      await writeFile(join(profile.drive, file), text);
    }
    const exitCode = await runTests({
      vscodeExecutablePath: process.env['VSCODE_EXECUTABLE'] ?? join(BUILT, 'code.js'),
      extensionDevelopmentPath: ROOT,
      extensionTestsPath: join(BUILT, 'speed', 'index.js'),
      launchArgs: [profile.drive, `--user-data-dir=${profile.userDataFolder}`, `--extensions-dir=${profile.extensionsFolder}`],
    });
    expect(exitCode).toBe(0);
  }, 300_000);
}
