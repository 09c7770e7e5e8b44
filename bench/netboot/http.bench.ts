/** A root image over HTTP against nginx without sendfile, on loopback, fetched by curl: MB/s, and our memory. */

import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeImageFiles, IMAGE_FILES, writeManifest } from '../../src/backend/image/manifest';
import { atMost, compare, Comparison, type Measured, type Sides, type Terms } from './compare';
import { IMAGE, imageFolderIn, loopbackPool, type OurServer, serveIfAsked, startOurs } from './ourServer';
import { freeTcpPort, tcpAnswers } from './ports';
import { type Daemon, type Owner, peakMemoryMiB, present, run, withOwner } from './processes';

const FILE = 'root.squashfs';
const FILE_BYTES = 220_000_000;
const ADDRESS = '127.0.0.1';
/**
 * A server that was just started is slower until its code is compiled, and how a process happens to lie in memory makes some of
 * them faster than others of the same program: so several are started, of both, and all that each sends is counted.
 */
const ONE_CLIENT = { starts: 5, rounds: 21, firstRounds: 5 };
const MORE_CLIENTS = [{ clients: 8, rounds: 7 }, { clients: 32, rounds: 5 }];
const MOST_CLIENTS = Math.max(...MORE_CLIENTS.map(({ clients }) => clients));
const MEMORY_LIMIT_MIB = 250;

if (!(await serveIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  if (!present('HTTP', { curl: 'curl' })) return true;
  await writeImage(imageFolderIn(owner.folder));
  await run('chmod', ['-R', 'a+rX', owner.folder]);
  const results: boolean[] = [];
  const isNginxThere = present('HTTP against nginx', { nginx: 'nginx-light' });
  if (isNginxThere) results.push(...(await withOneClient(owner)));
  const ours = await startOurs(owner, loopbackPool(owner.folder));
  if (isNginxThere) {
    const nginx = await startNginx(owner);
    for (const { clients, rounds } of MORE_CLIENTS) results.push(await compare({ ...terms(`${clients} clients`), ...sidesOf(ours, nginx, clients) }, rounds));
  } else await rate(ours.ports.http, MOST_CLIENTS);
  results.push(atMost(`HTTP, memory of our process at ${MOST_CLIENTS} clients`, peakMemoryMiB(ours.pid), 'MiB', MEMORY_LIMIT_MIB));
  return !results.includes(false);
}

async function withOneClient(owner: Owner): Promise<boolean[]> {
  const all = new Comparison(terms('one client'));
  const first = new Comparison(terms(`one client, its first ${ONE_CLIENT.firstRounds}`));
  for (let start = 0; start < ONE_CLIENT.starts; start += 1) {
    const ours = await startOurs(owner, loopbackPool(owner.folder));
    const nginx = await startNginx(owner);
    for (let round = 0; round < ONE_CLIENT.rounds; round += 1) {
      const result = await all.round(sidesOf(ours, nginx, 1));
      if (round < ONE_CLIENT.firstRounds) first.add(result);
    }
    await Promise.all([ours.stop(), nginx.daemon.stop()]);
  }
  return [all.tell(), first.tell()];
}

function terms(who: string): Terms {
  return { what: `HTTP, ${FILE_BYTES / 1e6} MB, ${who}`, unit: 'MB/s', piece: 'MB', peer: 'nginx', limit: 1 };
}

function sidesOf(ours: OurServer, nginx: Nginx, clients: number): Sides {
  return {
    ours: { daemon: ours, measure: () => rate(ours.ports.http, clients) },
    theirs: { daemon: nginx.daemon, measure: () => rate(nginx.port, clients) },
  };
}

/** Bytes as all of `clients` got them together. */
async function rate(port: number, clients: number): Promise<Measured> {
  const start = performance.now();
  const url = `http://${ADDRESS}:${port}/images/${IMAGE}/${FILE}`;
  const sizes = await Promise.all(Array.from({ length: clients }, () => run('curl', ['-sf', '-o', '/dev/null', '-w', '%{size_download}', url])));
  if (sizes.some((size) => Number(size) !== FILE_BYTES)) throw new Error(`not all of ${FILE_BYTES} bytes came: ${sizes.join(', ')}`);
  return { rate: (FILE_BYTES * clients) / (performance.now() - start) / 1e3, pieces: (FILE_BYTES * clients) / 1e6 };
}

async function writeImage(folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of IMAGE_FILES) await writeFile(path.join(folder, name), name);
  const root = await open(path.join(folder, FILE), 'w');
  const piece = Buffer.from(Uint32Array.from({ length: 250_000 }, (_, index) => index).buffer);
  for (let written = 0; written < FILE_BYTES; written += piece.length) await root.write(piece);
  // Else the system writes it to the disk while the first downloads are measured.
  await root.sync();
  await root.close();
  await writeManifest(folder, { name: IMAGE, versions: {}, files: await describeImageFiles(folder) });
}

interface Nginx {
  readonly port: number;
  readonly daemon: Daemon;
}

/** As Debian sets it up, a worker for each processor, but without sendfile. */
async function startNginx(owner: Owner): Promise<Nginx> {
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
