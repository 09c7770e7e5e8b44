/**
 * A herd over real sockets on loopback: each machine loads a boot loader by TFTP over a line that loses one datagram in a
 * hundred, then its image over HTTP. None may be lost; what the server's process holds must not grow with their number.
 */

import dgram from 'node:dgram';
import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { describeImageFiles, IMAGE_FILES, writeManifest } from '../../src/backend/image/manifest';
import { decodeTftp, encodeTftp, type TftpPacket } from '../../src/backend/netboot/tftp/codec';
import { atMost } from './compare';
import { IMAGE, imageFolderIn, loopbackPool, serveIfAsked, startOurs, type OurServer } from './ourServer';
import { peakMemoryMiB, withOwner, type Owner } from './processes';

const LOADER = 'snponly.efi';
const LOADER_BYTES = 300_000;
const ROOT_BYTES = 20_000_000;
const HERDS = [25, 200];
const BLOCK_BYTES = 1428;
const LOST_SHARE = 0.01;
const ASK_AGAIN_MS = 1_000;
const MEMORY_LIMIT_MIB = 250;
const TIME_LIMIT_MS = 120_000;

if (!(await serveIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  const folder = imageFolderIn(owner.folder);
  await mkdir(folder);
  for (const name of IMAGE_FILES) await writeFile(path.join(folder, name), name);
  await writeFile(path.join(folder, LOADER), Buffer.alloc(LOADER_BYTES, LOADER));
  await writeFile(path.join(folder, 'root.squashfs'), Buffer.alloc(ROOT_BYTES, 'root '));
  await writeManifest(folder, { name: IMAGE, versions: {}, files: await describeImageFiles(folder) });
  const ours = await startOurs(owner, loopbackPool(owner.folder));

  const results: boolean[] = [];
  for (const machines of HERDS) {
    const start = performance.now();
    const took = await Promise.all(Array.from({ length: machines }, async (_, machine) => {
      await loadByTftp(ours, machine);
      const loadedMs = performance.now() - start;
      await fetchImage(ours);
      return { loadedMs, allMs: performance.now() - start };
    }));
    const last = (of: (one: (typeof took)[number]) => number) => Math.max(...took.map(of)) / 1000;
    const megabytes = (machines * (LOADER_BYTES + ROOT_BYTES)) / 1e6;
    console.log(`${machines} machines: loaders after ${last(({ loadedMs }) => loadedMs).toFixed(1)} s, all after ${last(({ allMs }) => allMs).toFixed(1)} s (${(megabytes / last(({ allMs }) => allMs)).toFixed(0)} MB/s)`);
    results.push(atMost(`A herd of ${machines}, memory of our process`, peakMemoryMiB(ours.pid), 'MiB', MEMORY_LIMIT_MIB));
  }
  return !results.includes(false);
}

/** As firmware does, in lock step. Rejects when it isn't done in time, or got the wrong number of bytes. */
function loadByTftp({ ports }: OurServer, machine: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    let random = machine + 1;
    const lost = () => (random = (random * 48271) % 0x7fffffff) / 0x7fffffff < LOST_SHARE;
    let taken = 0;
    let bytes = 0;
    let port = ports.tftp;
    let last: TftpPacket = { kind: 'read', file: LOADER, mode: 'octet', options: new Map([['blksize', String(BLOCK_BYTES)], ['tsize', '0']]) };
    const send = () => {
      if (!lost()) socket.send(encodeTftp(last), port, '127.0.0.1');
      again.refresh();
    };
    const again = setTimeout(() => send(), ASK_AGAIN_MS);
    const finish = (error?: Error) => {
      clearTimeout(again);
      clearTimeout(limit);
      socket.close();
      if (error) reject(error);
      else resolve();
    };
    const limit = setTimeout(() => finish(new Error(`machine ${machine} was lost at block ${taken}`)), TIME_LIMIT_MS);
    socket.on('message', (message, from) => {
      const packet = decodeTftp(message);
      if (packet === undefined || lost()) return;
      if (packet.kind === 'error') {
        finish(new Error(packet.message));
        return;
      }
      port = from.port;
      if (packet.kind === 'data' && packet.block === taken + 1) {
        taken += 1;
        bytes += packet.data.length;
      }
      last = { kind: 'acknowledgement', block: taken };
      if (packet.kind === 'data' && packet.block === taken && packet.data.length < BLOCK_BYTES) {
        socket.send(encodeTftp(last), port, '127.0.0.1', () => finish(bytes === LOADER_BYTES ? undefined : new Error(`machine ${machine} got ${bytes} bytes`)));
      } else {
        send();
      }
    });
    send();
  });
}

function fetchImage({ ports }: OurServer): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port: ports.http, path: `/images/${IMAGE}/root.squashfs`, agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (part: Buffer) => (bytes += part.length));
      response.once('end', () => (bytes === ROOT_BYTES ? resolve() : reject(new Error(`${response.statusCode ?? 0}: ${bytes} bytes`))));
      response.once('error', reject);
    });
    request.once('error', reject);
  });
}
