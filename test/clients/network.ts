/** A network of its own: a bridge in a namespace where the boot server is, and a namespace a client. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { copyFile } from 'node:fs/promises';
import { inject, onTestFinished } from 'vitest';
import { describeImageFiles, writeManifest, type ImageFile } from '../../src/backend/image/manifest';
import { multibootPayload } from './payload';
import { must, run, start, type Result, type Running } from './processes';

const IPXE = '/usr/lib/ipxe';
export const IMAGE = 'tiny';
export const SERVER = '10.77.0.1';

export function macOf(host: number): string {
  return `52:54:00:aa:00:0${host}`;
}

export interface Network {
  /** Empty folder that goes with the test. */
  readonly folder: string;
  readonly imageFolder: string;
  readonly drive: string;
  /** Runs a command where the server is, or where a client is. */
  run(where: 'server' | Client, command: string, ...args: readonly string[]): Promise<Result>;
  start(where: 'server' | Client, command: string, ...args: readonly string[]): Running;
  /** `pxen serve` with further words, once it serves. */
  serve(...words: readonly string[]): Promise<Running>;
  /** `pxen serve` or `pxen boot` with further words, once it serves. */
  pxen(verb: 'serve' | 'boot', ...words: readonly string[]): Promise<Running>;
  /** A machine with one interface, `eth0`, that has node`host`'s MAC or the one given. */
  client(host: number, mac?: string): Promise<Client>;
  /** A tap on the bridge, for QEMU. */
  tap(host: number): Promise<string>;
}

export interface Client {
  readonly namespace: string;
}

let networks = 0;

/** `dhcp` as in pxen.yaml. Everything is undone when the test ends. */
export async function openNetwork(dhcp: 'authoritative' | 'proxy' | 'off' = 'authoritative'): Promise<Network> {
  const prefix = `pxen${process.pid}-${(networks += 1)}`;
  const undo: (() => Promise<unknown>)[] = [];
  onTestFinished(async () => {
    for (const step of undo.reverse()) await step();
  });
  const folder = await mkdtemp(path.join(os.tmpdir(), `${prefix}-`));
  undo.push(() => rm(folder, { recursive: true, force: true }));

  const addNamespace = async (name: string) => {
    await must('ip', ['netns', 'add', name]);
    undo.push(() => must('ip', ['netns', 'delete', name]));
    await must('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    return name;
  };
  const server = await addNamespace(`${prefix}-s`);
  const inServer = (...args: readonly string[]) => must('ip', ['-n', server, ...args]);
  await inServer('link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
  await inServer('address', 'add', `${SERVER}/24`, 'dev', 'br0');
  await inServer('link', 'set', 'br0', 'up');
  // A bridge without a port that is up has no carrier, and then nothing is sent. The other end is elsewhere, or the server
  // would hear each broadcast twice.
  const silent = await addNamespace(`${prefix}-k`);
  await inServer('link', 'add', 'keep', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', silent);
  await inServer('link', 'set', 'keep', 'master', 'br0', 'up');
  await must('ip', ['-n', silent, 'link', 'set', 'eth0', 'up']);

  const drive = path.join(folder, 'drive');
  const imageFolder = await writeDrive(drive, dhcp);
  const namespaceOf = (where: 'server' | Client) => (where === 'server' ? server : where.namespace);
  const startIn = (where: 'server' | Client, command: string, ...args: readonly string[]) => {
    const running = start('ip', ['netns', 'exec', namespaceOf(where), command, ...args]);
    undo.push(() => running.stop());
    return running;
  };
  const pxen = async (verb: 'serve' | 'boot', ...words: readonly string[]) => {
    await until(async () => (await run('ip', ['-n', server, 'link', 'show', 'br0'])).output.includes('LOWER_UP'));
    const running = startIn('server', process.execPath, inject('pxen'), verb, drive, '--json', ...words);
    await running.line(/"event":"serving"/, 20_000);
    return running;
  };
  return {
    folder,
    imageFolder,
    drive,
    run: (where, command, ...args) => run('ip', ['netns', 'exec', namespaceOf(where), command, ...args]),
    start: startIn,
    serve: (...words) => pxen('serve', ...words),
    pxen,
    client: async (host, mac = macOf(host)) => {
      const namespace = await addNamespace(`${prefix}-c${host}`);
      await inServer('link', 'add', `c${host}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace, 'address', mac);
      await inServer('link', 'set', `c${host}`, 'master', 'br0', 'up');
      await must('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
      return { namespace };
    },
    tap: async (host) => {
      const name = `tap${host}`;
      await inServer('tuntap', 'add', name, 'mode', 'tap');
      await inServer('link', 'set', name, 'master', 'br0', 'up');
      return name;
    },
  };
}

/** Four hosts and an image of Debian's iPXE, a payload for BIOS, and small files for the rest. */
async function writeDrive(drive: string, dhcp: string): Promise<string> {
  const imageFolder = path.join(drive, 'images', IMAGE);
  await mkdir(imageFolder, { recursive: true });
  await mkdir(path.join(drive, 'hosts'));
  await writeFile(path.join(drive, 'pxen.yaml'), `kind: Cluster
name: clients
network:
  subnet: 10.77.0.0/24
  server: ${SERVER}
  gateway: 10.77.0.254
  nameservers: [${SERVER}]
  domain: clients.internal
  dhcp: ${dhcp}
boot: {image: ${IMAGE}}
`);
  const hosts = [1, 2, 3, 4].map((host) => `kind: Host\nname: node${host}\nmacs: [${macOf(host)}]\naddress: 10.77.0.1${host}\ncpus: 4\nmemory: 8GiB\n`);
  await writeFile(path.join(drive, 'hosts', 'all.host.yaml'), hosts.join('---\n'));

  const made: Readonly<Record<Exclude<ImageFile, `${string}.kpxe` | 'ipxe.efi' | 'snponly.efi' | 'xen.efi'>, Buffer>> = {
    xen: multibootPayload(),
    vmlinuz: Buffer.alloc(300_000, 'vmlinuz '),
    initrd: Buffer.alloc(100_000, 'initrd '),
    'root.squashfs': Buffer.from(Uint32Array.from({ length: 1 << 20 }, (_, index) => index).buffer),
  };
  for (const [name, content] of Object.entries(made)) await writeFile(path.join(imageFolder, name), content);
  for (const name of ['undionly.kpxe', 'ipxe.efi', 'snponly.efi']) await copyFile(path.join(IPXE, name), path.join(imageFolder, name));
  // Xen's place as an EFI application is taken by one that starts anywhere and asks for an address again.
  await copyFile(path.join(IPXE, 'ipxe.efi'), path.join(imageFolder, 'xen.efi'));
  await writeManifest(imageFolder, { name: IMAGE, created: '2026-11-01T12:00:00Z', versions: {}, files: await describeImageFiles(imageFolder), xenArguments: 'console=com1', kernelArguments: 'console=hvc0' });
  return imageFolder;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('what was waited for did not come about within 10 s');
}
