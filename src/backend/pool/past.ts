/** What the drive remembers of a host's last boots. */

import type { VmStatus } from '../../protocol';
import type { HelloRecord, HostBootRecord } from '../drive/state';

/** Whose keys the host shows if it can be reached: the hello of its present boot, or of the one before while that hasn't come to its own. */
export function lastHello(record: HostBootRecord | undefined): HelloRecord | undefined {
  return record?.hello ?? record?.formerHello;
}

/** It fetched a boot script, and PXEN hasn't switched it off since. */
export function mayBeUp(record: HostBootRecord | undefined): record is HostBootRecord {
  return record !== undefined && record.poweredOffAt === undefined;
}

/** What can be said of a VM that was seen nowhere while these hosts, which may be up, couldn't be asked. */
export function unknownVm(name: string, unasked: readonly string[]): VmStatus {
  const hosts = unasked.join(' and ');
  return { name, state: 'failed', reason: `unknown whether it runs: ${hosts} can't be asked`, remedy: `Bring ${hosts} back within reach, or look at ${unasked.length === 1 ? 'it' : 'them'} by hand.` };
}
