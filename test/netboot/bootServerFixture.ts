/** A boot server on loopback with free ports, a small image and records in memory; ends with the test. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { PoolModel } from '../../src/backend/drive/model';
import type { DriveState, HostBootRecord } from '../../src/backend/drive/state';
import { describeImageFiles, type ImageFile, MANIFEST_NAME } from '../../src/backend/image/manifest';
import { startBootServer } from '../../src/backend/netboot/bootServer';
import type { BootServer, BootServerOptions, NetbootEvent } from '../../src/backend/netboot/server';
import { createBootTokens } from '../../src/backend/netboot/tokens';
import { systemClock, systemRandom } from '../../src/backend/system';
import { pool } from './clients';

export interface Fixture {
  readonly server: BootServer;
  readonly base: string;
  readonly imageFolder: string;
  readonly events: NetbootEvent[];
  readonly logs: string[];
  readonly records: Map<string, HostBootRecord>;
  /** Resolves with the first event that `matches`, past or future. */
  event(matches: (event: NetbootEvent) => boolean): Promise<NetbootEvent>;
}

/** The hash-keeping half of the drive's state, in memory. */
export function recordsInMemory(): { readonly records: Map<string, HostBootRecord>; readonly state: Pick<DriveState, 'hostBoot' | 'writeHostBoot'> } {
  const records = new Map<string, HostBootRecord>();
  return {
    records,
    state: {
      hostBoot: (host) => Promise.resolve(records.get(host)),
      writeHostBoot: (host, record) => {
        records.set(host, record);
        return Promise.resolve();
      },
    },
  };
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-netboot-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const IMAGE = 'dom0-test';

const SIZES: Readonly<Record<ImageFile, number>> = {
  xen: 262_144,
  'xen.efi': 50_000,
  vmlinuz: 393_216,
  initrd: 196_608,
  'root.squashfs': 800_001,
  'undionly.kpxe': 65_536,
  'ipxe.efi': 98_304,
  'snponly.efi': 81_920,
};

/** No two places of a file are alike, so that bytes in the wrong order show. */
async function writeImage(imagesFolder: string): Promise<string> {
  const folder = path.join(imagesFolder, IMAGE);
  await mkdir(folder);
  for (const [name, size] of Object.entries(SIZES)) {
    const numbers = Buffer.from(Uint32Array.from({ length: Math.ceil(size / 4) }, (_, index) => index ^ (size << 12)).buffer);
    await writeFile(path.join(folder, name), numbers.subarray(0, size));
  }
  await writeFile(path.join(folder, MANIFEST_NAME), JSON.stringify({ name: IMAGE, versions: {}, files: await describeImageFiles(folder) }));
  return folder;
}

export async function startFixture({ tftpSinglePort = false, ...overrides }: Partial<BootServerOptions> & { readonly tftpSinglePort?: boolean } = {}): Promise<Fixture> {
  const imagesFolder = await temporaryFolder();
  const imageFolder = await writeImage(imagesFolder);
  const model = (): PoolModel => pool();
  const events: NetbootEvent[] = [];
  const logs: string[] = [];
  const waiting = new Set<(event: NetbootEvent) => void>();
  const { records, state } = recordsInMemory();
  const server = await startBootServer({
    model,
    imagesFolder,
    stateFolder: path.join(imagesFolder, 'state'),
    image: () => IMAGE,
    endpoints: { bindAddress: '127.0.0.1', ports: { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 0, dns: 0 }, dhcpReplies: 'to-source', tftpSinglePort },
    tokens: createBootTokens({ state, model, clock: systemClock, random: systemRandom }),
    authorizedKeys: () => ['ssh-ed25519 AAAA pool'],
    onEvent: (event) => {
      events.push(event);
      for (const tell of waiting) tell(event);
    },
    clock: systemClock,
    random: systemRandom,
    log: (level, sentence) => void logs.push(`${level}: ${sentence}`),
    ...overrides,
  });
  onTestFinished(() => server.close());
  return {
    server,
    base: `http://127.0.0.1:${server.ports.http}`,
    imageFolder,
    events,
    logs,
    records,
    event: (matches) => {
      const past = events.find(matches);
      if (past) return Promise.resolve(past);
      return new Promise((resolve) => {
        const tell = (event: NetbootEvent) => {
          if (!matches(event)) return;
          waiting.delete(tell);
          resolve(event);
        };
        waiting.add(tell);
      });
    },
  };
}
