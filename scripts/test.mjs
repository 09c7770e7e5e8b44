// `npm test`: every test that this machine can run, and plain words about those it can't.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

ensureInstalled();
const { buildAll } = await import('./build.mjs');
await buildAll();

const steps = [
  ['types', 'node_modules/typescript/bin/tsc', ['--noEmit']],
  ['lint', 'node_modules/eslint/bin/eslint.js', ['.']],
  ['tests', 'node_modules/vitest/vitest.mjs', ['run', ...process.argv.slice(2)]],
];
let failed = 0;
for (const [name, tool, args] of steps) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [`${ROOT}/${tool}`, ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) failed++;
}

console.log(`
Not part of npm test, because they need root and Debian packages (.ci/run installs them and runs them all):
  npm run test:clients   real PXE, DHCP and TFTP clients in network namespaces
  npm run test:vscode    the extension in real VS Code
  npm run test:qemu      real Xen hosts in QEMU`);
process.exitCode = failed === 0 ? 0 : 1;
