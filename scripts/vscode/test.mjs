/**
 * Tests in a real VS Code: first the suites inside its extension host (test/vscode/host) by @vscode/test-electron, then the
 * interface by Playwright (test/vscode/ui).
 *
 * Where VSCODE_EXECUTABLE names a desktop VS Code, the suites run in that one.
 */

import { runTests } from '@vscode/test-electron';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILT, ROOT, bundleVsCodeTests } from './bundle.mjs';

async function node(...words) {
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function extensionHostSuites() {
  const profile = await mkdtemp(join(tmpdir(), 'pxen-vscode-'));
  try {
    await runTests({
      vscodeExecutablePath: process.env.VSCODE_EXECUTABLE ?? BUILT.code,
      extensionDevelopmentPath: ROOT,
      extensionTestsPath: BUILT.suite,
      launchArgs: [profile, `--user-data-dir=${join(profile, 'user')}`, `--extensions-dir=${join(profile, 'extensions')}`],
    });
    return 0;
  } catch (error) {
    console.error(error.message);
    return 1;
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

const built = await node('scripts/build.mjs');
if (built !== 0) process.exit(built);
await bundleVsCodeTests();
const suites = await extensionHostSuites();
const ui = await node('node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vscode/vitest.config.ts');
process.exit(suites || ui);
