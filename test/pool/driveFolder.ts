/** A small drive in a folder of its own. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const CLUSTER = `kind: Cluster
name: smallpool
network: {subnet: 127.0.0.0/8, server: 127.0.0.1, domain: smallpool.internal}
boot: {image: dom0-1, timeout: 5m, attempts: 1}
`;

const host = (number: number) => `kind: Host
name: node${number}
macs: ["52:54:00:aa:00:0${number}"]
address: 127.0.0.1${number}
cpus: 8
memory: 32GiB
reserve: {cpus: 1, memory: 2GiB}
arrays:
  - {name: r0, uuid: "3aaa0122:29827cfa:5331ad66:ca76737${number}", level: raid1, members: [S${number}A, S${number}B], mount: /srv/r0, capacity: 900GiB, bandwidth: 450MB/s}
wake: {method: wol}
`;

const vm = (name: string, more: string) => `kind: VM
name: ${name}
vcpus: 1
memory: 1GiB
disks:
  - {name: root, size: 1GiB, bandwidth: 1MB/s}
nics: [{bridge: xenbr0}]
boot: {type: pv, bootloader: pygrub}
${more}`;

/** The drive's folder; removed with the test. */
export async function smallDrive(): Promise<string> {
  const folder = await emptyFolder();
  await mkdir(path.join(folder, 'hosts'));
  await mkdir(path.join(folder, 'vms'));
  await writeFile(path.join(folder, 'pxen.yaml'), CLUSTER);
  for (const number of [1, 2]) await writeFile(path.join(folder, 'hosts', `node${number}.host.yaml`), host(number));
  await writeFile(path.join(folder, 'vms', 'dns1.vm.yaml'), vm('dns1', ''));
  await writeFile(path.join(folder, 'vms', 'web1.vm.yaml'), vm('web1', 'start: {after: [dns1]}\n'));
  return folder;
}

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
