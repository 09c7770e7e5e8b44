/** The surroundings of a pool of real machines: this machine's interface on the pool's network, and the standard ports. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { HostModel, PoolModel } from '../drive/model';
import { checkImageFiles, ImageError, readManifest } from '../image/manifest';
import { STANDARD_PORTS } from '../netboot/endpoints';
import type { Interfaces } from '../netboot/machineInterfaces';
import type { HelperCommand } from '../netboot/portHelper/command';
import { wakeTargets } from '../power/wake';
import type { PoolEnvironment, SocketAddress } from './environment';
import { PoolError } from './errors';

const SSH_PORT = 22;

/** Where the drive keeps what concerns real machines. Absolute. */
export function machineFolders(root: string): { readonly stateFolder: string; readonly keysFolder: string; readonly imagesFolder: string } {
  return { stateFolder: path.join(root, 'state'), keysFolder: path.join(root, 'keys'), imagesFolder: path.join(root, 'images') };
}

export function sshOfMachine(host: HostModel): SocketAddress {
  return { address: host.address, port: SSH_PORT };
}

/** How machines are served, as whoever starts the boot server says; the drive says the rest. */
export interface Serving {
  /** Asked for ports that are kept for root. */
  readonly portHelper?: HelperCommand | undefined;
  /** nginx has the HTTP port, and asks here. */
  readonly httpUpstream?: SocketAddress | undefined;
  readonly tftpSinglePort?: boolean | undefined;
}

/**
 * Rejects with a `PoolError` when this machine doesn't hold the boot server's address on the interface the drive names, or
 * when the image isn't there or isn't whole (by sizes; hosts check the sums).
 */
export async function openMachines(root: string, model: PoolModel, interfaces: Interfaces, { portHelper, httpUpstream, tftpSinglePort = false }: Serving = {}): Promise<PoolEnvironment> {
  const { network, boot } = model.cluster;
  const folders = machineFolders(root);
  const name = interfaceOf(network, interfaces);
  await checkImage(folders.imagesFolder, boot.image);
  return {
    target: 'machines',
    ...folders,
    netboot: {
      bindAddress: network.server,
      interface: name,
      ports: STANDARD_PORTS,
      dhcpReplies: 'rfc2131',
      tftpSinglePort,
      ...(portHelper && { portHelper }),
      ...(httpUpstream && { httpUpstream }),
    },
    image: ({ cluster }) => cluster.boot.image,
    wake: (host) => ({ from: network.server, to: wakeTargets(host, network) }),
    ssh: sshOfMachine,
    serving: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** The interface that holds the boot server's address. */
export function interfaceOf(network: { readonly server: string; readonly interface?: string; readonly subnet: string }, interfaces: Interfaces): string {
  const holder = Object.entries(interfaces).find(([, addresses]) => addresses?.some(({ address }) => address === network.server))?.[0];
  const prefix = network.subnet.split('/')[1] ?? '24';
  if (holder === undefined) {
    const device = network.interface ?? 'INTERFACE';
    throw new PoolError(
      `No interface of this machine has the boot server's address ${network.server} (network.server in pxen.yaml).`,
      `Run this on the machine that has it, correct network.server, or give the address to the interface on the hosts' network: sudo ip address add ${network.server}/${prefix} dev ${device}`,
    );
  }
  if (network.interface !== undefined && network.interface !== holder) {
    throw new PoolError(`The boot server's address ${network.server} is on ${holder}, but pxen.yaml names the interface ${network.interface}.`, `Correct network.interface, or leave it out.`);
  }
  return holder;
}

/** Rejects with a `PoolError` when the image isn't there, or isn't whole by the sizes of its files. */
export async function checkImage(imagesFolder: string, image: string): Promise<void> {
  const folder = path.join(imagesFolder, image);
  const remedy = `Build it: pxen image build --name ${image}`;
  try {
    const [problem] = await checkImageFiles(folder, await readManifest(folder), 'sizes');
    if (problem !== undefined) throw new PoolError(`The image ${image} isn't whole: ${problem}`, `${remedy}, or copy it to the drive again.`);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const others = (await imagesIn(imagesFolder)).filter((name) => name !== image);
    throw new PoolError(error.sentence, others.length === 0 ? remedy : `${remedy}, or set boot.image in pxen.yaml to one that is there: ${others.join(', ')}.`);
  }
}

/** Those that could be booted: an image's manifest is written last. */
async function imagesIn(folder: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).sort();
    const manifests = await Promise.allSettled(names.map((name) => readManifest(path.join(folder, name))));
    return names.filter((_, index) => manifests[index]?.status === 'fulfilled');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
