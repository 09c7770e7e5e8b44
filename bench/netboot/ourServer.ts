/**
 * Our boot server in a process of its own. A bench is one bundle: it starts itself again with `serve` as first word, and
 * `serveIfAsked` then serves instead of measuring.
 */

import path from 'node:path';
import type { HostModel, PoolModel } from '../../src/backend/drive/model';
import { startBootServer } from '../../src/backend/netboot/bootServer';
import type { NetbootEndpoints, NetbootPorts } from '../../src/backend/netboot/endpoints';
import { formatIpv4 } from '../../src/backend/netboot/ipv4';
import { systemClock, systemRandom } from '../../src/backend/system';
import type { Daemon, Owner } from './processes';

export interface ServedPool {
  readonly endpoints: NetbootEndpoints;
  readonly imagesFolder: string;
  readonly dhcp: 'authoritative' | 'proxy';
  /** Known machines; the first one's MAC ends in zeroes, as perfdhcp counts. */
  readonly hosts: number;
}

export const IMAGE = 'bench';
export const FIRST_MAC = '00:0c:01:00:00:00';
/** The first host's address; the others follow. */
export const FIRST_ADDRESS = 0x0a4d0100;
export const FREE_PORTS: NetbootPorts = { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 0, dns: 0 };

export async function serveIfAsked(): Promise<boolean> {
  const [word, json] = process.argv.slice(2);
  if (word !== 'serve' || json === undefined) return false;
  await serve(JSON.parse(json) as ServedPool);
  return true;
}

async function serve({ endpoints, imagesFolder, dhcp, hosts }: ServedPool): Promise<void> {
  const model = poolOf(hosts, dhcp, endpoints.bindAddress);
  const server = await startBootServer({
    model: () => model,
    imagesFolder,
    image: () => IMAGE,
    endpoints,
    stateFolder: imagesFolder,
    tokens: { issue: () => Promise.resolve('token'), redeem: () => Promise.resolve(false) },
    authorizedKeys: () => [],
    onEvent: () => undefined,
    clock: systemClock,
    random: systemRandom,
    log: () => undefined,
  });
  process.stdout.write(`${JSON.stringify(server.ports)}\n`);
}

export interface OurServer extends Daemon {
  readonly ports: NetbootPorts;
}

/** `prefix` is put before the command, to start it in a namespace. */
export async function startOurs(owner: Owner, pool: ServedPool, prefix: readonly string[] = []): Promise<OurServer> {
  const [command, ...args] = [...prefix, process.execPath, process.argv[1] ?? '', 'serve', JSON.stringify(pool)];
  let ports: NetbootPorts | undefined;
  const daemon = await owner.daemon(command, args, (said) => {
    const [line] = said.split('\n', 1);
    if (said.includes('\n') && line !== undefined) ports = JSON.parse(line) as NetbootPorts;
    return ports !== undefined;
  });
  if (ports === undefined) throw new Error('our server did not say its ports');
  return { ...daemon, ports };
}

/** On loopback with free ports, serving one image folder. */
export function loopbackPool(folder: string): ServedPool {
  return { endpoints: { bindAddress: '127.0.0.1', ports: FREE_PORTS, dhcpReplies: 'to-source' }, imagesFolder: folder, dhcp: 'authoritative', hosts: 1 };
}

export function imageFolderIn(folder: string): string {
  return path.join(folder, IMAGE);
}

export function macOfHost(index: number): string {
  return (Number.parseInt(FIRST_MAC.replaceAll(':', ''), 16) + index).toString(16).padStart(12, '0').replace(/..(?!$)/g, '$&:');
}

function poolOf(count: number, dhcp: ServedPool['dhcp'], server: string): PoolModel {
  const hosts = Array.from({ length: count }, (_, index): HostModel => ({
    name: `node${index}`,
    macs: [macOfHost(index)],
    address: formatIpv4(FIRST_ADDRESS + index),
    cpus: 8,
    memoryBytes: 2 ** 35,
    reserve: { cpus: 1, memoryBytes: 2 ** 31 },
    arrays: [],
    wake: { method: 'wol', port: 9 },
    labels: {},
  }));
  return {
    cluster: {
      name: 'bench',
      network: { subnet: '10.77.0.0/16', server, nameservers: [], domain: 'bench.internal', dhcp },
      boot: { image: IMAGE, timeoutMs: 600_000, attempts: 1, wakeAtOnce: 4, wakePauseMs: 3_000 },
      placement: { cpuOvercommit: 4, survive: 0, goal: 'balance' },
      storage: [],
    },
    hosts,
    vms: [],
  };
}
