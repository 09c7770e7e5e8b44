/** The surroundings of a simulated pool: everything on loopback and free ports, nothing needs root. */

import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { PoolModel } from '../../backend/drive/model';
import { makeFolder } from '../../backend/drive/owner';
import { writing } from '../../backend/drive/writeError';
import { findBackend } from '../../backend/pool/claim';
import type { PoolEnvironment } from '../../backend/pool/environment';
import { PoolError } from '../../backend/pool/errors';
import { systemClock } from '../../backend/system';
import { attachLab, startLab, type LabClient } from './client';
import type { Faults } from './faults';
import { rackOf } from './hardware';
import { LAB_IMAGE, writeLabImage, writeStandIns } from './image';

export interface SimulatedLabOptions {
  readonly model: PoolModel;
  /** The drive's folder; the lab's own things go to `state/lab/` in it. */
  readonly root: string;
  readonly faults: Faults;
  /** Machines stay when the environment is closed or this process ends; `socket` is where to find them. */
  readonly keep: boolean;
  /** Socket of machines that run already, instead of new ones. */
  readonly attach?: string;
  /** The bundle of `main.ts`; by default the one beside this bundle. */
  readonly program?: string;
}

export interface SimulatedLab extends PoolEnvironment {
  readonly client: LabClient;
}

/** A simulated machine is up after a second; this leaves room for a busy computer, and tells a dead one soon. */
const BOOT_TIMEOUT_MS = 30_000;

/** They have no power supply, but are woken in the drive's waves, as the machines would be. */
const WAKE_PAUSE_MS = 100;

const LOOPBACK = '127.0.0.1';

/**
 * New machines come with new disks, so what was recorded of former ones is forgotten; the drive's id stays.
 * Rejects with a DriveWriteError where nothing can be written, and with a PoolError when another backend works on the lab, or the machines can't be found or don't fit the drive.
 */
export async function startSimulatedLab(options: SimulatedLabOptions): Promise<SimulatedLab> {
  const { model, root, keep, attach } = options;
  const stateFolder = path.join(root, 'state', 'lab');
  const imagesFolder = path.join(stateFolder, 'images');
  await makeFolder(stateFolder);
  const other = await findBackend(stateFolder, systemClock);
  if (other !== undefined) throw new PoolError(`A lab of this drive runs already (process ${other.pid}).`, '`pxen status` shows it, `pxen down` ends it.');
  const standIns = await writing(stateFolder, async () => {
    await writeLabImage(imagesFolder);
    return writeStandIns(path.join(stateFolder, 'files'), model);
  });
  const client = attach === undefined ? await newLab(options, stateFolder) : await attachLab(attach);
  try {
    const missing = model.hosts.find(({ name }) => client.addresses.sshPorts[name] === undefined);
    if (missing !== undefined) throw new PoolError(`The lab at ${client.socket} has no machine "${missing.name}": it was started from other specs.`, 'Start a new one.');
  } catch (error) {
    client.leave();
    throw error;
  }
  return {
    target: 'simulated',
    client,
    stateFolder,
    keysFolder: path.join(stateFolder, 'keys'),
    imagesFolder,
    netboot: { bindAddress: LOOPBACK, ports: { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 0, dns: 0 }, dhcpReplies: 'to-source' },
    image: () => LAB_IMAGE,
    standIn: (named) => standIns.get(named) ?? named,
    bootTimeoutMs: BOOT_TIMEOUT_MS,
    wakePauseMs: WAKE_PAUSE_MS,
    wake: () => ({ from: LOOPBACK, to: [{ address: LOOPBACK, port: client.addresses.wakePort }] }),
    ssh: (host) => ({ address: LOOPBACK, port: client.addresses.sshPorts[host.name] ?? 0 }),
    serving: (ports) => client.serving(ports),
    close: async () => {
      if (keep) client.leave();
      else await client.end();
    },
  };
}

async function newLab({ model, faults, keep, program }: SimulatedLabOptions, stateFolder: string): Promise<LabClient> {
  await writing(stateFolder, () => Promise.all(['placement.json', 'hosts'].map((name) => rm(path.join(stateFolder, name), { recursive: true, force: true }))));
  return startLab({
    rack: rackOf(model, faults),
    program: program ?? path.join(__dirname, 'lab-hosts.js'),
    keep,
    logFile: path.join(stateFolder, 'machines.log'),
  });
}
