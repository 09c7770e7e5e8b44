/** Simulated machines in this process, booted by the real boot server; all of it ends with the test. */

import { onTestFinished } from 'vitest';
import type { PoolModel } from '../../src/backend/drive/model';
import { startBootServer } from '../../src/backend/netboot/bootServer';
import type { BootServer, NetbootEvent } from '../../src/backend/netboot/server';
import { createBootTokens } from '../../src/backend/netboot/tokens';
import { newKeyPair } from '../../src/backend/hosts/keyPair';
import { openDriveState } from '../../src/backend/drive/stateStore';
import { wakeHost } from '../../src/backend/power/wake';
import { systemClock, systemRandom } from '../../src/backend/system';
import { parseFaults } from '../../src/lab/simulated/faults';
import { rackOf } from '../../src/lab/simulated/hardware';
import { LAB_IMAGE, writeLabImage } from '../../src/lab/simulated/image';
import type { MachineView } from '../../src/lab/simulated/machine';
import { RunningRack } from '../../src/lab/simulated/rack';
import { emptyFolder } from '../pool/driveFolder';
import { HOST } from '../hosts/dom0';

export const LAB_MODEL: PoolModel = {
  cluster: {
    name: 'lab',
    network: { subnet: '10.77.0.0/24', server: '10.77.0.1', gateway: '10.77.0.254', nameservers: ['10.77.0.1'], domain: 'lab.internal', dhcp: 'authoritative' },
    boot: { image: 'dom0-1', timeoutMs: 600_000, attempts: 3, wakeAtOnce: 4, wakePauseMs: 3_000 },
    placement: { cpuOvercommit: 4, survive: 0, goal: 'balance' },
    storage: [],
  },
  hosts: [1, 2, 3, 4, 5].map((number) => ({ ...HOST, name: `node${number}`, macs: [`52:54:00:aa:00:0${number}`] as const, address: `10.77.0.1${number}` })),
  vms: [],
};

export interface Lab {
  readonly rack: RunningRack;
  readonly events: readonly NetbootEvent[];
  readonly privateKey: string;
  /** The boot server is there, from the machines' side. */
  serve(): void;
  hostKeys(host: string): Promise<readonly string[]>;
  wake(host: string): Promise<void>;
  view(host: string): MachineView;
  /** Resolves when `fits` holds for the machine; the test's own limit ends a vain wait. */
  until(host: string, fits: (view: MachineView) => boolean): Promise<MachineView>;
}

export async function startLab(options: { readonly model?: PoolModel; readonly faults?: readonly string[]; readonly serving?: boolean } = {}): Promise<Lab> {
  const model = options.model ?? LAB_MODEL;
  const { faults, problems } = parseFaults(options.faults ?? [], model);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const folder = await emptyFolder();
  await writeLabImage(folder);
  const state = openDriveState(folder, systemClock, systemRandom);
  const key = newKeyPair();
  const events: NetbootEvent[] = [];
  const changed = new EventTarget();
  const tell = () => void changed.dispatchEvent(new Event('change'));
  const server: BootServer = await startBootServer({
    model: () => model,
    imagesFolder: folder,
    stateFolder: folder,
    image: () => LAB_IMAGE,
    endpoints: { bindAddress: '127.0.0.1', ports: { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 0, dns: 0 }, dhcpReplies: 'to-source' },
    tokens: createBootTokens({ state, model: () => model, clock: systemClock, random: systemRandom }),
    authorizedKeys: () => [key.public],
    onEvent: (event) => void events.push(event),
    clock: systemClock,
    random: systemRandom,
    log: () => undefined,
  });
  onTestFinished(() => server.close());
  const rack = await RunningRack.start({ rack: rackOf(model, faults), clock: systemClock, random: systemRandom, console: tell });
  onTestFinished(() => rack.close());
  const serve = () => rack.serve(server.ports);
  if (options.serving !== false) serve();
  const view = (host: string) => rack.views().find(({ name }) => name === host)!;
  return {
    rack,
    events,
    privateKey: key.private,
    view,
    serve,
    hostKeys: async (host) => (await state.hostBoot(host))?.hello?.hostKeys ?? [],
    wake: (name) => {
      const host = model.hosts.find((one) => one.name === name)!;
      return wakeHost({ host, from: '127.0.0.1', to: [{ address: '127.0.0.1', port: rack.addresses().wakePort }], clock: systemClock, log: () => undefined, signal: new AbortController().signal });
    },
    until: (host, fits) =>
      new Promise((resolve) => {
        const look = () => {
          if (!fits(view(host))) return;
          changed.removeEventListener('change', look);
          resolve(view(host));
        };
        changed.addEventListener('change', look);
        look();
      }),
  };
}
