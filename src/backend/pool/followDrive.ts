/** Lets a boot server answer by the drive as it is edited, and tells what of it takes effect. */

import { openLiveModel } from '../drive/liveModel';
import type { PoolModel } from '../drive/model';
import type { Clock, Log } from '../system';
import type { Answered } from './answered';
import { DriveInvalidError } from './errors';

export interface FollowedDrive {
  /** What machines are answered by, at every moment. */
  model(): PoolModel;
  close(): Promise<void>;
}

/** `first` is the model that was read at the start; `answered` decides what an edited drive means beside it. */
export function followDrive({ root, first, answered, clock, log }: { readonly root: string; readonly first: PoolModel; readonly answered: (first: PoolModel, drive: PoolModel) => Answered; readonly clock: Clock; readonly log: Log }): FollowedDrive {
  let present = first;
  let told: readonly string[] = [];
  const live = openLiveModel({
    root,
    first,
    clock,
    onChange: (drive) => {
      const { model, sentence, notes } = answered(first, drive);
      present = model;
      log('info', sentence);
      for (const note of notes) if (!told.includes(note)) log('warn', note);
      told = notes;
    },
    onInvalid: (problems) => log('error', `${new DriveInvalidError(root, problems).message} Until it is mended, machines are answered by its last valid state.`),
    onMended: () => log('info', 'The drive is valid again, and says what machines are answered by.'),
    onPresence: (isThere) => {
      if (isThere) log('info', `The drive is in ${root} again.`);
      else log('error', `The drive isn't in ${root} any more: machines are answered by what it said last, no boot image can be sent, and nothing is recorded. Plug it in and mount it there again.`);
    },
  });
  return { model: () => present, close: () => live.close() };
}
