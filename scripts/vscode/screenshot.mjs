/** `npm run screenshot`: writes media/screenshot.png. With Debian's fonts-inter and fonts-jetbrains-mono it looks as on a desktop. */

import { spawnSync } from 'node:child_process';
import { buildAll } from '../build.mjs';
import { bundleScreenshot, ROOT } from './bundle.mjs';

await buildAll();
const { status } = spawnSync(process.execPath, [await bundleScreenshot()], { cwd: ROOT, stdio: 'inherit' });
process.exitCode = status ?? 1;
