/**
 * The surroundings of a pool of QEMU machines: real firmware, the real image and real Xen, on a bridge in this process's
 * network namespace. Only the machines are made up.
 */

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { checkImageFiles, readManifest, type Manifest } from '../../backend/image/manifest';
import { missingTools, installCommand } from '../../backend/image/tools';
import type { HostModel, PoolModel } from '../../backend/drive/model';
import { makeFolder } from '../../backend/drive/owner';
import { writing } from '../../backend/drive/writeError';
import { STANDARD_PORTS } from '../../backend/netboot/endpoints';
import type { PoolEnvironment } from '../../backend/pool/environment';
import { PoolError } from '../../backend/pool/errors';
import { wakeTargets } from '../../backend/power/wake';
import { delay, systemClock, type Log } from '../../backend/system';
import { makeLabDisks, type LabDisk } from './disks';
import { makeLabGuest, wantsLabGuest } from './guest';
import { QemuMachine } from './machine';
import { makeLabNetwork, tapName } from './network';
import { listenForMagicPackets } from './wakeListener';

export interface QemuLabOptions {
  readonly model: PoolModel;
  /** The drive's root. What the lab writes goes to `state/lab/` in it, and its guest to `disks/lab-guest/`. */
  readonly root: string;
  /** Kept between labs. */
  readonly cacheFolder: string;
  /** Holds `factory/` and `guest/`. */
  readonly assetsFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface QemuLab extends PoolEnvironment {
  /** By host name. */
  readonly machines: ReadonlyMap<string, QemuMachine>;
}

const SSH_PORT = 22;

/**
 * Spares an emulated CPU what guards a real one against side channels; nobody shares these machines. Never a default of the
 * product. Field trials: three times as fast.
 */
const EMULATED_ARGUMENTS = { xen: 'spec-ctrl=no xpti=no pv-l1tf=no', kernel: 'mitigations=off rodata=off' };

/**
 * Sets up network, disks and guest; the machines stay off until their magic packet comes. To be called inside the lab's
 * namespace. New machines come with new disks, so what was recorded of former ones is forgotten; the drive's id stays.
 * Rejects with a PoolError when a tool or the boot image is missing.
 */
export async function startQemuLab(options: QemuLabOptions): Promise<QemuLab> {
  const { model, root, cacheFolder, assetsFolder, log, signal } = options;
  const { network, boot } = model.cluster;
  await checkTools();
  const image = await openImage(path.join(root, 'images', boot.image), boot.image);
  const stateFolder = path.join(root, 'state', 'lab');
  const folder = path.join(stateFolder, 'qemu');
  await writing(stateFolder, () => Promise.all(['placement.json', 'hosts', 'qemu'].map((former) => rm(path.join(stateFolder, former), { recursive: true, force: true }))));
  await makeFolder(folder);
  const { bridge } = await makeLabNetwork(network, model.hosts, signal);
  const disks = await makeLabDisks({ hosts: model.hosts, image, assetsFolder: path.join(assetsFolder, 'factory'), cacheFolder, folder: path.join(folder, 'disks'), log, signal });
  if (wantsLabGuest(model)) await makeLabGuest({ root, imageFolder: image.folder, assetsFolder: path.join(assetsFolder, 'guest'), signal });
  const machines = machinesOf(model.hosts, disks, folder, log);
  const listener = await listenForMagicPackets(
    model.hosts.flatMap(({ wake }) => (wake.method === 'wol' ? [wake.port] : [])),
    (mac) => turnOn(model.hosts, machines, mac, log),
  );
  return {
    target: 'qemu',
    machines,
    stateFolder,
    keysFolder: path.join(stateFolder, 'keys'),
    imagesFolder: path.join(root, 'images'),
    netboot: { bindAddress: network.server, interface: bridge, ports: STANDARD_PORTS, dhcpReplies: 'rfc2131' },
    extraArguments: () => EMULATED_ARGUMENTS,
    image: ({ cluster }) => cluster.boot.image,
    wake: (host) => ({ from: network.server, to: wakeTargets(host, network) }),
    ssh: (host) => ({ address: host.address, port: SSH_PORT }),
    serving: () => Promise.resolve(),
    close: async () => {
      await listener.close();
      await Promise.all(model.hosts.map(({ name, address }) => turnOff(machines.get(name), address)));
    },
  };
}

/** Where the lab's assets lie, for a bundle in `dist/` (they are copied to `dist/qemu-lab`) and for the sources alike. */
export function qemuLabAssetsFolder(here: string): string {
  const bundled = path.join(here, 'qemu-lab');
  return existsSync(bundled) ? bundled : path.join(here, 'assets');
}

async function checkTools(): Promise<void> {
  const missing = await missingTools('lab --qemu');
  if (missing.length > 0) throw new PoolError(`The QEMU lab needs ${missing.map(({ name }) => name).join(', ')}.`, `Install with: ${installCommand(missing)}`);
}

/** Rejects with an ImageError when there is none. */
async function openImage(folder: string, name: string): Promise<{ readonly folder: string; readonly manifest: Manifest }> {
  const manifest = await readManifest(folder);
  const [problem] = await checkImageFiles(folder, manifest, 'sizes');
  if (problem !== undefined) throw new PoolError(`The image ${name} isn't whole: ${problem}`, `Build it anew: pxen image build --name ${name} --force`);
  return { folder, manifest };
}

function machinesOf(hosts: readonly HostModel[], disks: ReadonlyMap<string, readonly LabDisk[]>, folder: string, log: Log): ReadonlyMap<string, QemuMachine> {
  return new Map(hosts.map((host, index) => [host.name, new QemuMachine({ host, tap: tapName(index), disks: disks.get(host.name) ?? [], folder, log })]));
}

/** A machine that was told to power off closes its ssh port before it is off: that one gets the time, another loses its power. */
async function turnOff(machine: QemuMachine | undefined, address: string): Promise<void> {
  if (machine === undefined) return;
  if (machine.isOn && !(await accepts(address, SSH_PORT))) {
    const inTime = new AbortController();
    const limit = delay(systemClock, POWER_OFF_LIMIT_MS, inTime.signal).catch(() => undefined);
    await Promise.race([machine.off(), limit]);
    inTime.abort();
  }
  await machine.cutPower();
}

const POWER_OFF_LIMIT_MS = 30_000;
const CONNECT_LIMIT_MS = 1_000;

function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: CONNECT_LIMIT_MS });
    const end = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false)).once('timeout', () => end(false));
  });
}

function turnOn(hosts: readonly HostModel[], machines: ReadonlyMap<string, QemuMachine>, mac: string, log: Log): void {
  const host = hosts.find(({ macs }) => macs[0] === mac);
  const machine = host && machines.get(host.name);
  machine?.turnOn().catch((error: unknown) => log('error', `${host?.name ?? mac} can't be turned on: ${error instanceof Error ? error.message : String(error)}`));
}
