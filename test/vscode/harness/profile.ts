/** A VS Code that has never been started, and a drive of its own to open in it. */

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Profile {
  /** A copy of examples/homelab as it is in a fresh clone. */
  readonly drive: string;
  readonly userDataFolder: string;
  readonly extensionsFolder: string;
  remove(): Promise<void>;
}

/** What running PXEN leaves in a drive. */
const NOT_CLONED = ['state', 'images', 'disks', 'keys'].map((folder) => join(ROOT, 'examples', 'homelab', folder));

/** Autosave, on by default in a browser, would write half-typed specs; a boot's ports need no forwarding. */
const SETTINGS = { 'files.autoSave': 'off', 'extensions.autoCheckUpdates': false, 'remote.autoForwardPorts': false };

export async function newProfile(settings: Readonly<Record<string, unknown>> = {}): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'pxen-vscode-'));
  const drive = join(folder, 'homelab');
  const userDataFolder = join(folder, 'user');
  await cp(join(ROOT, 'examples', 'homelab'), drive, { recursive: true, filter: (path) => !NOT_CLONED.includes(path) });
  await mkdir(join(userDataFolder, 'User'), { recursive: true });
  await writeFile(join(userDataFolder, 'User', 'settings.json'), JSON.stringify({ ...SETTINGS, ...settings }));
  return { drive, userDataFolder, extensionsFolder: join(folder, 'extensions'), remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}
