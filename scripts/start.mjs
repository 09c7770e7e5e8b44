// `npm start`: from a fresh clone to a running pool of simulated hosts, without root.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DRIVE = 'examples/homelab';

ensureInstalled();
const { buildAll } = await import('./build.mjs');
await buildAll();

const lab = spawnSync(process.execPath, [`${ROOT}/dist/pxen.js`, 'lab', DRIVE, ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' });
if (lab.status === 0) {
  console.log(`
The same in VS Code: npm run package, install the .vsix ("Extensions: Install from VSIX…"),
then open the folder ${DRIVE} and run "PXEN: Start Lab" from the command palette.`);
}
process.exitCode = lab.status ?? 1;
