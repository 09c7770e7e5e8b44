// Installs the npm packages of the lock file when they are missing or older than it. Needs nothing but Node and npm.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export function ensureInstalled() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    console.error(`PXEN needs Node 20 or newer; this is ${process.version}.`);
    process.exit(2);
  }
  if (modified('node_modules/.package-lock.json') >= modified('package-lock.json')) return;
  console.error('Installing packages (npm ci)…');
  // No install script of any package is needed: esbuild ships its binary, ssh2 does without its native add-on.
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
}

/** Milliseconds since the epoch; 0 when there is no such file. */
function modified(path) {
  return statSync(`${ROOT}/${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
