// `npm test`: every test that this machine can run, and plain words about those it can't.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

ensureInstalled();
const { buildAll } = await import('./build.mjs');
await buildAll();

const folder = mkdtempSync(join(tmpdir(), 'pxen-test-'));
const report = join(folder, 'report.json');
const steps = [
  ['types', 'node_modules/typescript/bin/tsc', ['--noEmit']],
  ['lint', 'node_modules/eslint/bin/eslint.js', ['.']],
  ['tests', 'node_modules/vitest/vitest.mjs', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)]],
];
let failed = 0;
for (const [name, tool, args] of steps) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [`${ROOT}/${tool}`, ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) failed++;
}

const skipped = skippedTests();
rmSync(folder, { recursive: true, force: true });
if (skipped.length > 0) console.log(`\nSkipped on this machine, for the reason in each name:\n${skipped.map((name) => `  ${name}\n`).join('')}`);

console.log(`
Not part of npm test, because they need root and Debian packages (.ci/run installs them and runs them all):
  npm run test:clients   real PXE, DHCP and TFTP clients in network namespaces
  npm run test:vscode    the extension in real VS Code
  npm run test:qemu      real Xen hosts in QEMU`);
process.exitCode = failed === 0 ? 0 : 1;

/** Full names, each of which says what it lacks; none when the runner itself failed, which it has said. */
function skippedTests() {
  if (!existsSync(report)) return [];
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === 'skipped' || status === 'pending').map(({ fullName }) => fullName));
}
