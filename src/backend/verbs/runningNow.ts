/** Which VMs run, as far as a backend that works on the drive knows. Nobody else is asked: hosts may be off, and a question mustn't take minutes. */

import path from 'node:path';
import { findBackend } from '../pool/claim';
import { attachTo } from '../pool/rpc';
import type { Clock } from '../system';
import type { VerbIo } from './io';

/** VM name to host name; empty when no backend works on the drive, or it doesn't answer, which is told. */
export async function runningNow(root: string, clock: Clock, io: VerbIo): Promise<Record<string, string>> {
  for (const folder of [path.join(root, 'state'), path.join(root, 'state', 'lab')]) {
    const record = await findBackend(folder, clock);
    if (record === undefined) continue;
    try {
      const backend = await attachTo(record, clock, () => undefined);
      try {
        const { vms } = await backend.request('pool/status', { drive: root }, io.signal);
        return Object.fromEntries(vms.flatMap(({ name, state, host }) => (state === 'running' && host !== undefined ? [[name, host]] : [])));
      } finally {
        backend.close();
      }
    } catch (error) {
      if (io.signal.aborted) throw error;
      io.err(`The backend that works on this drive (process ${record.pid}) can't be asked what runs: ${error instanceof Error ? error.message : String(error)}. Planned as if nothing ran.\n`);
    }
  }
  return {};
}
