/**
 * DHCP against Kea (memfile), asked by perfdhcp over a cable between two namespaces: whole exchanges (DISCOVER to ACK) per
 * second; the time to an answer on port 4011 meanwhile; and the time from starting `pxen serve` to its first answer.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeImageFiles, IMAGE_FILES, writeManifest } from '../../src/backend/image/manifest';
import { formatIpv4 } from '../../src/backend/netboot/ipv4';
import { type Asking, askIfAsked } from './asker';
import { atMost, compare, type Measured, median } from './compare';
import { CLIENT, INTERFACE, type Lane, openLane, SERVER } from './lanes';
import { FIRST_ADDRESS, FIRST_MAC, IMAGE, imageFolderIn, macOfHost } from './ourServer';
import { type Daemon, isRoot, type Owner, present, run, withOwner } from './processes';

const SECONDS = 4;
const ROUNDS = 5;
const STARTS = 5;
/** A spec may have a MiB. */
const HOSTS_A_FILE = 1_000;
const POOLS = [200, 20_000];
const PROXY_LIMIT_MS = 200;
const START_LIMIT_MS = 300;
/** perfdhcp's exit code when some exchanges were not completed, as happens when it asks as fast as it can. */
const PERFDHCP_DROPS = 3;

if (!(await askIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  if (!isRoot() || !present('DHCP', { ip: 'iproute2' })) {
    console.log('DHCP left out: it needs root for network namespaces');
    return true;
  }
  const results: boolean[] = [];
  const pxen = await build(owner);
  if (present('DHCP against Kea', { perfdhcp: 'kea-admin', 'kea-dhcp4': 'kea-dhcp4-server' })) {
    const [ours, kea] = [await openLane(owner, 'ours'), await openLane(owner, 'kea')];
    const peer = await startKea(owner, kea);
    for (const hosts of POOLS) {
      const server = await serveOn(owner, pxen, ours, hosts);
      const what = `DHCP exchanges, ${hosts.toLocaleString('en')} clients`;
      results.push(await compare({ what, unit: '/s', piece: 'exchange', peer: 'Kea', limit: 1, ours: { daemon: server, measure: () => exchanges(ours, hosts) }, theirs: { daemon: peer, measure: () => exchanges(kea, hosts) } }, ROUNDS));
      const times = await proxyTimesUnderLoad(ours, hosts);
      results.push(atMost(`  meanwhile the slowest of ${times.length} answers on 4011`, Math.max(...times.map((time) => (time < 0 ? Infinity : time))), 'ms', PROXY_LIMIT_MS));
      await server.stop();
    }
  }
  const starts: number[] = [];
  const [folder, lane] = [await drive(owner, 1), await openLane(owner, 'start')];
  for (let start = 0; start < STARTS; start += 1) starts.push(await startToFirstAnswer(pxen, folder, lane));
  results.push(atMost('Start of pxen serve to its first answer', median(starts), 'ms', START_LIMIT_MS));
  return !results.includes(false);
}

async function startToFirstAnswer(pxen: string, folder: string, lane: Lane): Promise<number> {
  const answer = ask(lane, { for: 'first-answer', server: SERVER, from: CLIENT, mac: FIRST_MAC });
  await answer.asking;
  const begun = process.hrtime.bigint();
  const [command, ...args] = [...lane.server, process.execPath, pxen, 'serve', folder];
  // Certificates that this machine may name are read by every Node at its start, before anything of ours.
  const server = spawn(command, args, { stdio: 'ignore', env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined } });
  const ended = once(server, 'exit');
  const at = BigInt(await answer.said);
  server.kill('SIGTERM');
  await ended;
  return Number(at - begun) / 1e6;
}

/** As it is shipped, with a drive; what it says goes where nobody reads it, as a service's does that nobody looks at. */
async function serveOn(owner: Owner, pxen: string, lane: Lane, hosts: number): Promise<Daemon> {
  const folder = await drive(owner, hosts);
  const [command, ...args] = [...lane.server, 'sh', '-c', 'exec "$@" > "$0.log" 2>&1', folder, process.execPath, pxen, 'serve', folder];
  return owner.daemon(command, args, () => isListening(lane));
}

async function isListening(lane: Lane): Promise<boolean> {
  const [look, ...words] = [...lane.server, 'ss', '--udp', '--listening', '--numeric'];
  return new RegExp(`${SERVER}\\S*:67 `).test(await run(look, words));
}

/** As fast as they come, for some seconds. */
async function exchanges(lane: Lane, clients: number): Promise<Measured> {
  const [command, ...args] = [...lane.client, 'perfdhcp', '-4', '-l', CLIENT, '-b', `mac=${FIRST_MAC}`, '-R', String(clients), '-p', String(SECONDS), SERVER];
  const report = await run(command, args, [0, PERFDHCP_DROPS]);
  const completed = /REQUEST-ACK[^]*?received packets: (\d+)/.exec(report)?.[1];
  if (completed === undefined) throw new Error(`perfdhcp's report is not as expected:\n${report}`);
  return { rate: Number(completed) / SECONDS, pieces: Number(completed) };
}

async function proxyTimesUnderLoad(lane: Lane, clients: number): Promise<readonly number[]> {
  const load = exchanges(lane, clients);
  const said = await ask(lane, { for: 'proxy-times', server: SERVER, from: CLIENT, mac: FIRST_MAC, seconds: SECONDS - 1 }).said;
  await load;
  return said.split(' ').map(Number);
}

function ask(lane: Lane, asking: Asking): { readonly said: Promise<string>; readonly asking: Promise<unknown> } {
  const [command, ...args] = [...lane.client, process.execPath, process.argv[1] ?? '', 'ask', JSON.stringify(asking)];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  const ended = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new Error(`the asking client ended with ${String(code)}`);
    return said;
  });
  return { said: ended, asking: Promise.race([once(child.stderr, 'data'), ended]) };
}

/** Kea 2.2 as Debian has it, with room for every client, leases in a file. */
async function startKea(owner: Owner, lane: Lane): Promise<Daemon> {
  const folder = path.join(owner.folder, 'kea');
  await mkdir(folder);
  const configuration = path.join(folder, 'kea.json');
  const pool = `${formatIpv4(FIRST_ADDRESS)} - ${formatIpv4(FIRST_ADDRESS + 2 * Math.max(...POOLS))}`;
  await writeFile(configuration, JSON.stringify({
    Dhcp4: {
      'interfaces-config': { interfaces: [`${INTERFACE}/${SERVER}`], 'dhcp-socket-type': 'udp' },
      'lease-database': { type: 'memfile', persist: true, name: path.join(folder, 'leases.csv') },
      'valid-lifetime': 86_400,
      subnet4: [{ subnet: '10.77.0.0/16', pools: [{ pool }] }],
      loggers: [{ name: 'kea-dhcp4', output_options: [{ output: 'stdout' }], severity: 'WARN' }],
    },
  }));
  const [command, ...args] = [...lane.server, 'env', `KEA_PIDFILE_DIR=${folder}`, `KEA_LOCKFILE_DIR=${folder}`, 'kea-dhcp4', '-c', configuration];
  return owner.daemon(command, args, () => isListening(lane));
}

async function build(owner: Owner): Promise<string> {
  const dist = path.join(owner.folder, 'dist');
  await run(process.execPath, ['--input-type=module', '--eval', "const { bundleInto } = await import(process.argv[1]); await bundleInto(process.argv[2])", path.resolve('scripts/build.mjs'), dist]);
  return path.join(dist, 'pxen.js');
}

/** Its folder. */
async function drive(owner: Owner, hosts: number): Promise<string> {
  const folder = path.join(owner.folder, `drive-${hosts}`);
  const images = path.join(folder, 'images');
  await mkdir(imageFolderIn(images), { recursive: true });
  for (const name of IMAGE_FILES) await writeFile(path.join(imageFolderIn(images), name), name);
  await writeManifest(imageFolderIn(images), { name: IMAGE, versions: {}, files: await describeImageFiles(imageFolderIn(images)) });
  await writeFile(path.join(folder, 'pxen.yaml'), `kind: Cluster\nname: bench\nnetwork: {subnet: 10.77.0.0/16, server: ${SERVER}, domain: bench.internal}\nboot: {image: ${IMAGE}}\n`);
  await mkdir(path.join(folder, 'hosts'));
  const host = (index: number) => `kind: Host\nname: node${index}\nmacs: ['${macOfHost(index)}']\naddress: ${formatIpv4(FIRST_ADDRESS + index)}\ncpus: 8\nmemory: 32GiB\n`;
  for (let first = 0; first < hosts; first += HOSTS_A_FILE) {
    const some = Array.from({ length: Math.min(HOSTS_A_FILE, hosts - first) }, (_, index) => host(first + index));
    await writeFile(path.join(folder, 'hosts', `from${first}.host.yaml`), some.join('---\n'));
  }
  return folder;
}
