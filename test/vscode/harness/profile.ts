/** A VS Code that has never been started, and a drive of its own to open in it. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyExample } from '../../support/examples';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Profile {
  /** A copy of examples/homelab as it is in a fresh clone. */
  readonly drive: string;
  readonly userDataFolder: string;
  readonly extensionsFolder: string;
  remove(): Promise<void>;
}

/** Autosave, on by default in a browser, would write half-typed specs; a boot's ports need no forwarding. */
const SETTINGS = { 'files.autoSave': 'off', 'extensions.autoCheckUpdates': false, 'remote.autoForwardPorts': false };

export async function newProfile(settings: Readonly<Record<string, unknown>> = {}): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'pxen-vscode-'));
  const drive = join(folder, 'homelab');
  const userDataFolder = join(folder, 'user');
  await copyExample('homelab', drive, join(ROOT, 'examples'));
  await mkdir(join(userDataFolder, 'User'), { recursive: true });
  await writeFile(join(userDataFolder, 'User', 'settings.json'), JSON.stringify({ ...SETTINGS, ...settings }));
  return { drive, userDataFolder, extensionsFolder: join(folder, 'extensions'), remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}
