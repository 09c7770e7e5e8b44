/**
 * `npm run test:vscode`: tests in a real VS Code. The suites inside its extension host (test/vscode/host) run by
 * @vscode/test-electron, the interface (test/vscode/ui) by Playwright.
 */

import { spawnSync } from 'node:child_process';
import { buildAll } from '../build.mjs';
import { bundleVsCodeTests, ROOT } from './bundle.mjs';

await buildAll();
await bundleVsCodeTests();
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vscode/vitest.config.mts', ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' });
process.exitCode = status ?? 1;
