/** The model of a drive that is being edited: the newest valid one, at every moment. */

import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ProblemJson } from '../../protocol';
import type { Clock } from '../system';
import { loadDrive } from './load';
import type { PoolModel } from './model';

export interface LiveModelOptions {
  readonly root: string;
  /** The valid one that was read last. */
  readonly first: PoolModel;
  readonly clock: Clock;
  readonly onChange: (model: PoolModel) => void;
  /** The files changed into something invalid; the former model stays. */
  readonly onInvalid: (problems: readonly ProblemJson[]) => void;
  /** They are again what they were before that. */
  readonly onMended: () => void;
  /** No specs are there at all: the drive was pulled, or is there again. */
  readonly onPresence: (isThere: boolean) => void;
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
/**
 * A change is believed when it looks the same again so much later: editors write a file in several steps, git and copies many
 * files one by one, and what lies between would be an invalid drive, or one without some of its hosts.
 */
const LOOK_AGAIN_MS = 200;

/** The first look comes a second after the start, and also finds what was edited since `first` was read. */
export function openLiveModel({ root, first, clock, onChange, onInvalid, onMended, onPresence }: LiveModelOptions): LiveModel {
  let model = first;
  let taken: string | undefined;
  let seen: string | undefined;
  let looking = Promise.resolve();
  let cancel: () => void = () => undefined;
  let closed = false;
  let isThere = true;
  let isInvalid = false;

  /** Resolves with the time until the next look. */
  const look = async (): Promise<number> => {
    const before = seen;
    seen = await stampOf(root);
    if (closed) return LOOK_EVERY_MS;
    // An empty drive is one that was pulled, not one whose hosts are gone: nothing else is concluded from it.
    if (seen === '') {
      if (before !== '') return LOOK_AGAIN_MS;
      if (isThere) onPresence((isThere = false));
      return LOOK_EVERY_MS;
    }
    if (!isThere) onPresence((isThere = true));
    if (seen === taken) return LOOK_EVERY_MS;
    if (seen !== before) return LOOK_AGAIN_MS;
    taken = seen;
    const loaded = await loadDrive(root);
    const wasInvalid = isInvalid;
    isInvalid = loaded.model === undefined;
    if (loaded.model === undefined) {
      onInvalid(loaded.problems);
    } else if (JSON.stringify(loaded.model) !== JSON.stringify(model)) {
      model = loaded.model;
      onChange(model);
    } else if (wasInvalid) {
      onMended();
    }
    return LOOK_EVERY_MS;
  };
  const schedule = (delayMs: number) => {
    if (closed) return;
    cancel = clock.after(delayMs, () => {
      looking = look().then(schedule);
    });
  };
  schedule(LOOK_EVERY_MS);
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
      const files = (await entriesOf(folder)).filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && /\.ya?ml$/i.test(entry.name)).map(({ name }) => path.join(folder, name));
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
