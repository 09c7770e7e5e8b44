/** A root image over HTTP against nginx without sendfile, on loopback, fetched by curl: MB/s, and our memory. */

import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeImageFiles, IMAGE_FILES, writeManifest } from '../../src/backend/image/manifest';
import { atMost, Comparison, type Measured, type Sides, type Terms } from './compare';
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
const ONE_CLIENT = { starts: 11, rounds: 11, firstRounds: 5 };
const MORE_CLIENTS = { starts: 5, of: [{ clients: 8, rounds: 7 }, { clients: 32, rounds: 3 }] };
const MOST_CLIENTS = Math.max(...MORE_CLIENTS.of.map(({ clients }) => clients));
const MEMORY_LIMIT_MIB = 250;

if (!(await serveIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  if (!present('HTTP', { curl: 'curl' })) return true;
  await writeImage(imageFolderIn(owner.folder));
  await run('chmod', ['-R', 'a+rX', owner.folder]);
  const isNginxThere = present('HTTP against nginx', { nginx: 'nginx-light' });
  const results = isNginxThere ? [...(await withOneClient(owner)), ...(await withMoreClients(owner))] : [await withoutNginx(owner)];
  return !results.includes(false);
}

async function withOneClient(owner: Owner): Promise<boolean[]> {
  const all = new Comparison(terms('one client'));
  const first = new Comparison(terms(`one client, its first ${ONE_CLIENT.firstRounds}`));
  for (let start = 0; start < ONE_CLIENT.starts; start += 1) {
    await withBoth(owner, async (ours, nginx) => {
      for (let round = 0; round < ONE_CLIENT.rounds; round += 1) {
        const result = await all.round(sidesOf(ours, nginx, 1));
        if (round < ONE_CLIENT.firstRounds) first.add(result);
      }
    });
  }
  return [all.tell(), first.tell()];
}

async function withMoreClients(owner: Owner): Promise<boolean[]> {
  const comparisons = MORE_CLIENTS.of.map(({ clients, rounds }) => ({ clients, rounds, comparison: new Comparison(terms(`${clients} clients`)) }));
  let memoryMiB = 0;
  for (let start = 0; start < MORE_CLIENTS.starts; start += 1) {
    await withBoth(owner, async (ours, nginx) => {
      for (const { clients, rounds, comparison } of comparisons) {
        for (let round = 0; round < rounds; round += 1) await comparison.round(sidesOf(ours, nginx, clients));
      }
      memoryMiB = Math.max(memoryMiB, peakMemoryMiB(ours.pid));
    });
  }
  return [...comparisons.map(({ comparison }) => comparison.tell()), memoryHolds(memoryMiB)];
}

async function withBoth(owner: Owner, measure: (ours: OurServer, nginx: Nginx) => Promise<void>): Promise<void> {
  const ours = await startOurs(owner, loopbackPool(owner.folder));
  const nginx = await startNginx(owner);
  await measure(ours, nginx);
  await Promise.all([ours.stop(), nginx.daemon.stop()]);
}

async function withoutNginx(owner: Owner): Promise<boolean> {
  const ours = await startOurs(owner, loopbackPool(owner.folder));
  await rate(ours.ports.http, MOST_CLIENTS);
  return memoryHolds(peakMemoryMiB(ours.pid));
}

function memoryHolds(mebibytes: number): boolean {
  return atMost(`HTTP, memory of our process at ${MOST_CLIENTS} clients`, mebibytes, 'MiB', MEMORY_LIMIT_MIB);
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
