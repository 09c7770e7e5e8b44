// `npm run package`: builds and packs the extension, with the backend inside, into pxen-<version>.vsix.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

ensureInstalled();
const { buildAll } = await import('./build.mjs');
await buildAll();
execFileSync(process.execPath, [`${ROOT}/node_modules/@vscode/vsce/vsce`, 'package', '--no-dependencies'], { cwd: ROOT, stdio: 'inherit' });
