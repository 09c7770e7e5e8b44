/** A root image over HTTP against nginx without sendfile, on loopback, fetched by curl: MB/s, and our memory. */

import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeImageFiles, IMAGE_FILES, writeManifest } from '../../src/backend/image/manifest';
import { atMost, compare } from './compare';
import { IMAGE, imageFolderIn, loopbackPool, serveIfAsked, startOurs } from './ourServer';
import { freeTcpPort, tcpAnswers } from './ports';
import { type Daemon, type Owner, peakMemoryMiB, present, run, withOwner } from './processes';

const FILE = 'root.squashfs';
const FILE_BYTES = 220_000_000;
const ADDRESS = '127.0.0.1';
/** In this order: a server that was just started is slower until its code is compiled. One client's download lasts a tenth of a second. */
const CLIENTS = [
  { clients: 1, rounds: 5, who: 'one client, server just started' },
  { clients: 1, rounds: 21, who: 'one client' },
  { clients: 8, rounds: 7, who: '8 clients' },
  { clients: 32, rounds: 5, who: '32 clients' },
];
const MOST_CLIENTS = Math.max(...CLIENTS.map(({ clients }) => clients));
const MEMORY_LIMIT_MIB = 250;

if (!(await serveIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  if (!present('HTTP', { curl: 'curl' })) return true;
  await writeImage(imageFolderIn(owner.folder));
  await run('chmod', ['-R', 'a+rX', owner.folder]);
  const ours = await startOurs(owner, loopbackPool(owner.folder));
  const rate = (port: number, clients: number) => async () => {
    const start = performance.now();
    const url = `http://${ADDRESS}:${port}/images/${IMAGE}/${FILE}`;
    const sizes = await Promise.all(Array.from({ length: clients }, () => run('curl', ['-sf', '-o', '/dev/null', '-w', '%{size_download}', url])));
    if (sizes.some((size) => Number(size) !== FILE_BYTES)) throw new Error(`not all of ${FILE_BYTES} bytes came: ${sizes.join(', ')}`);
    return { rate: (FILE_BYTES * clients) / (performance.now() - start) / 1e3, pieces: (FILE_BYTES * clients) / 1e6 };
  };

  const results: boolean[] = [];
  if (present('HTTP against nginx', { nginx: 'nginx-light' })) {
    const { port, daemon } = await startNginx(owner);
    for (const { clients, rounds, who } of CLIENTS) {
      const what = `HTTP, ${FILE_BYTES / 1e6} MB, ${who}`;
      results.push(await compare({ what, unit: 'MB/s', piece: 'MB', peer: 'nginx', limit: 1, ours: { daemon: ours, measure: rate(ours.ports.http, clients) }, theirs: { daemon, measure: rate(port, clients) } }, rounds));
    }
  } else {
    await rate(ours.ports.http, MOST_CLIENTS)();
  }
  results.push(atMost(`HTTP, memory of our process at ${MOST_CLIENTS} clients`, peakMemoryMiB(ours.pid), 'MiB', MEMORY_LIMIT_MIB));
  return !results.includes(false);
}

async function writeImage(folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of IMAGE_FILES) await writeFile(path.join(folder, name), name);
  const root = await open(path.join(folder, FILE), 'w');
  const piece = Buffer.from(Uint32Array.from({ length: 250_000 }, (_, index) => index).buffer);
  for (let written = 0; written < FILE_BYTES; written += piece.length) await root.write(piece);
  await root.close();
  await writeManifest(folder, { name: IMAGE, versions: {}, files: await describeImageFiles(folder) });
}

/** As Debian sets it up, a worker for each processor, but without sendfile. */
async function startNginx(owner: Owner): Promise<{ readonly port: number; readonly daemon: Daemon }> {
  const port = await freeTcpPort(ADDRESS);
  const configuration = path.join(owner.folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${owner.folder}/nginx;`).join(' ');
  await writeFile(configuration, `
daemon off; pid ${owner.folder}/nginx.pid; error_log stderr; worker_processes auto;
events { worker_connections 768; }
http {
  access_log off; sendfile off; ${temporary}
  server { listen ${ADDRESS}:${port}; location /images/ { alias ${owner.folder}/; } }
}
`);
  const daemon = await owner.daemon('nginx', ['-e', 'stderr', '-c', configuration], () => tcpAnswers(ADDRESS, port));
  return { port, daemon };
}
