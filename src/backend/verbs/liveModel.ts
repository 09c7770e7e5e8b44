/** The model of a drive that is being edited: the newest valid one, at every moment. */

import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ProblemJson } from '../../protocol';
import { loadDrive } from '../drive/load';
import type { PoolModel } from '../drive/model';
import type { Clock } from '../system';

export interface LiveModelOptions {
  readonly root: string;
  /** The valid one that was read last. */
  readonly first: PoolModel;
  readonly clock: Clock;
  readonly onChange: (model: PoolModel) => void;
  /** The files changed into something invalid; the former model stays. */
  readonly onInvalid: (problems: readonly ProblemJson[]) => void;
}

export interface LiveModel {
  current(): PoolModel;
  /** Resolves when no look at the drive is under way any more. */
  close(): Promise<void>;
}

/**
 * Looked at rather than watched: a flash drive that is pulled and put back, or a folder on another machine, sends no
 * notices.
 */
const LOOK_EVERY_MS = 1000;

export async function openLiveModel({ root, first, clock, onChange, onInvalid }: LiveModelOptions): Promise<LiveModel> {
  let model = first;
  let seen = await stampOf(root);
  let looking = Promise.resolve();
  let cancel: () => void = () => undefined;
  let closed = false;

  const look = async () => {
    const stamp = await stampOf(root);
    // An empty drive is one that was pulled, not one whose hosts are gone: nothing is concluded from it.
    if (stamp === seen || stamp === '' || closed) return;
    seen = stamp;
    const loaded = await loadDrive(root);
    if (loaded.model === undefined) onInvalid(loaded.problems);
    else if (JSON.stringify(loaded.model) !== JSON.stringify(model)) {
      model = loaded.model;
      onChange(model);
    }
  };
  const schedule = () => {
    cancel = clock.after(LOOK_EVERY_MS, () => {
      looking = look().finally(() => {
        if (!closed) schedule();
      });
    });
  };
  schedule();
  return {
    current: () => model,
    close: async () => {
      closed = true;
      cancel();
      await looking;
    },
  };
}

/** Names, sizes and times of the spec files; empty when there are none. */
async function stampOf(root: string): Promise<string> {
  const folders = [root, path.join(root, 'hosts'), path.join(root, 'vms')];
  const stamps = await Promise.all(
    folders.map(async (folder) => {
      const files = (await entriesOf(folder)).filter((entry) => entry.isFile() && /\.ya?ml$/i.test(entry.name)).map(({ name }) => path.join(folder, name));
      return Promise.all(files.sort().map(fileStamp));
    }),
  );
  return stamps.flat().join('\n');
}

// What vanishes while it is looked at shows as a change at the next look.
async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

async function fileStamp(file: string): Promise<string> {
  return stat(file).then(
    ({ size, mtimeMs }) => `${file} ${size} ${mtimeMs}`,
    () => file,
  );
}
