/** The drive's record of where VMs and disks are: changed here, written by the runner, believed once it is written. */

import type { PlacementLock } from '../../drive/state';
import type { Draft } from './draft';

/** Names the host as the VM's in the record to be written: only once it is shown that no other can be running it. */
export function assign(draft: Draft, name: string, host: string): void {
  const { content } = draft.lock;
  if (content.assignments[name] === host) return;
  draft.lock = { ...draft.lock, content: { ...content, assignments: { ...content.assignments, [name]: host } } };
}

/** Asks for the record to be written when it has changed; one write at a time, and a pause after a failure. */
export function writeLock(draft: Draft): void {
  const { lock } = draft;
  const resting = lock.retryAt !== undefined && lock.retryAt > draft.now;
  if (lock.content === lock.written || lock.writing !== undefined || resting) return;
  draft.lock = { ...lock, writing: lock.content, serial: lock.serial + 1, retryAt: undefined };
  draft.emit({ kind: 'write-lock', serial: draft.lock.serial, lock: lock.content });
}

/** A write has ended, with `failure` in words when it failed. */
export function lockEnded(draft: Draft, failure: string | undefined): void {
  const { lock } = draft;
  const written: PlacementLock = failure === undefined && lock.writing !== undefined ? lock.writing : lock.written;
  draft.lock = {
    ...lock,
    written,
    writing: undefined,
    failure,
    failures: failure === undefined ? 0 : lock.failures + 1,
    retryAt: failure === undefined ? undefined : draft.now + draft.config.timing.lockRetryMs,
  };
}
