/** PXEN's own files may be built anew, or taken away, while `pxen serve` runs from them. */

import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { openNetwork } from './network';

it('a server that runs answers `pxen status` and downloads when the files that it was started from are gone', async () => {
  const network = await openNetwork();
  const dist = path.join(network.folder, 'dist');
  await cp(path.dirname(inject('pxen')), dist, { recursive: true });
  const server = network.start('server', process.execPath, path.join(dist, 'pxen.js'), 'serve', network.drive, '--json');
  await server.line(/may be built anew from now on/);
  await rm(path.join(dist, 'cli'), { recursive: true });
  expect((await network.run('server', process.execPath, inject('pxen'), 'status', network.drive)).output).toMatch(/node1 .* off/);
  expect((await network.run('server', 'curl', '-s', `http://10.77.0.1/images/${path.basename(network.imageFolder)}/snponly.efi`, '-o', '/dev/null', '-w', '%{http_code}')).output).toBe('200');
  await server.stop();
});
