import { runTests } from '@vscode/test-electron';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { newProfile, ROOT } from './harness/profile';

/** Bundled by scripts/vscode/bundle.mjs. */
const BUILT = join(ROOT, '.cache', 'vscode');

it('the suites in the extension host pass', async () => {
  const profile = await newProfile();
  onTestFinished(() => profile.remove());
  const exitCode = await runTests({
    // Where a desktop VS Code is at hand, they run in that one.
    vscodeExecutablePath: process.env['VSCODE_EXECUTABLE'] ?? join(BUILT, 'code.js'),
    extensionDevelopmentPath: ROOT,
    extensionTestsPath: join(BUILT, 'host', 'index.js'),
    launchArgs: [profile.drive, `--user-data-dir=${profile.userDataFolder}`, `--extensions-dir=${profile.extensionsFolder}`],
  });
  expect(exitCode).toBe(0);
}, 300_000);
