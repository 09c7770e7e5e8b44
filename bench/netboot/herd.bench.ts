/**
 * A herd over a real cable of 1 Gbit/s between two namespaces: after a power cut, each machine's firmware loads a boot
 * loader by TFTP, of whose datagrams some are lost, doubled or late, then its initrd fetches the image over HTTP. None may
 * be lost, the cable must be kept busy, and what the server's process holds must hardly grow with those that wait.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeImageFiles, IMAGE_FILES, writeManifest } from '../../src/backend/image/manifest';
import { formatIpv4 } from '../../src/backend/netboot/ipv4';
import { atMost } from './compare';
import { herdIfAsked, type Herd, type HerdResult } from './herd';
import { INTERFACE, type Lane, openLane, SERVER } from './lanes';
import { FIRST_ADDRESS, FREE_PORTS, IMAGE, imageFolderIn, type OurServer, serveIfAsked, startOurs } from './ourServer';
import { isRoot, type Owner, peakMemoryMiB, present, run, withOwner } from './processes';

const LOADER = 'snponly.efi';
const LOADER_BYTES = 300_000;
/** Just large enough to wait for its turn: a thousand are 5 GB. */
const ROOT_BYTES = 5_000_000;
/** As many as are served by TFTP at once. */
const FEW = 256;
const MANY = 1000;
const BYTES_PER_SECOND = 125e6;
const TIME_LIMIT = 1.5;
const SILENCE_LIMIT_MS = 5_000;
const MEMORY_LIMIT_MIB = 250;
const MEMORY_GROWTH_LIMIT = 1.5;

if (!(await serveIfAsked()) && !(await herdIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  if (!isRoot() || !present('The herd', { ip: 'iproute2', tc: 'iproute2' })) {
    console.log('The herd left out: it needs root for network namespaces');
    return true;
  }
  const folder = imageFolderIn(owner.folder);
  await mkdir(folder);
  for (const name of IMAGE_FILES) await writeFile(path.join(folder, name), name);
  await writeFile(path.join(folder, LOADER), Buffer.alloc(LOADER_BYTES, LOADER));
  await writeFile(path.join(folder, 'root.squashfs'), Buffer.alloc(ROOT_BYTES, 'root '));
  await writeManifest(folder, { name: IMAGE, versions: {}, files: await describeImageFiles(folder) });

  const lane = await openLane(owner, 'herd');
  // The addresses of all machines are at home at that end: 256 for each block.
  for (let first = FIRST_ADDRESS; first < FIRST_ADDRESS + MANY; first += 256) await runAt(lane.client, ['ip', 'route', 'add', 'local', `${formatIpv4(first)}/24`, 'dev', INTERFACE]);
  await runAt(lane.server, ['tc', 'qdisc', 'replace', 'dev', INTERFACE, 'root', 'tbf', 'rate', '1gbit', 'burst', '256kb', 'limit', '4mb']);
  const ours = await startOurs(owner, { endpoints: { bindAddress: SERVER, interface: INTERFACE, ports: FREE_PORTS, dhcpReplies: 'rfc2131' }, imagesFolder: owner.folder, dhcp: 'authoritative', hosts: MANY }, lane.server);

  const few = await herd(lane, ours, FEW);
  const fewMiB = peakMemoryMiB(ours.pid);
  const many = await herd(lane, ours, MANY);
  const manyMiB = peakMemoryMiB(ours.pid);
  for (const [count, { lost, loadersMs, halfMs, allMs }] of [[FEW, few], [MANY, many]] as const) {
    if (lost.length > 0) console.log(`${count.toLocaleString('en')} machines: ${lost.length} LOST, ${lost.slice(0, 3).join('; ')}`);
    console.log(`${count.toLocaleString('en')} machines: loaders after ${(loadersMs / 1000).toFixed(1)} s, half of them done after ${(halfMs / 1000).toFixed(1)} s, all after ${(allMs / 1000).toFixed(1)} s`);
  }
  const results = [
    few.lost.length + many.lost.length === 0,
    atMost('A herd of 1,000, its time', many.allMs / 1000 / ((MANY * (LOADER_BYTES + ROOT_BYTES)) / BYTES_PER_SECOND), '× bytes/bandwidth', TIME_LIMIT),
    atMost('  longest silence to a machine being served', many.longestSilenceMs, 'ms', SILENCE_LIMIT_MS),
    atMost('  memory of our process', manyMiB, 'MiB', MEMORY_LIMIT_MIB),
    atMost(`  of its memory with ${FEW}`, manyMiB / fewMiB, '×', MEMORY_GROWTH_LIMIT),
  ];
  return !results.includes(false);
}

async function herd(lane: Lane, { ports }: OurServer, machines: number): Promise<HerdResult> {
  const wanted: Herd = { server: SERVER, tftpPort: ports.tftp, httpPort: ports.http, machines, loader: LOADER, loaderBytes: LOADER_BYTES, image: `/images/${IMAGE}/root.squashfs`, imageBytes: ROOT_BYTES };
  return JSON.parse(await runAt(lane.client, [process.execPath, process.argv[1] ?? '', 'herd', JSON.stringify(wanted)])) as HerdResult;
}

function runAt([command = '', ...prefix]: readonly string[], words: readonly string[]): Promise<string> {
  return run(command, [...prefix, ...words]);
}
