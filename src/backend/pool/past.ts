/** What the drive remembers of a host's last boot. */

import type { HostBootRecord } from '../drive/state';

export type Hello = NonNullable<HostBootRecord['hello']>;

/** It said hello, so its keys are known, and PXEN hasn't switched it off since. */
export function mayBeUp(record: HostBootRecord | undefined): record is HostBootRecord & { readonly hello: Hello } {
  return record?.hello !== undefined && record.poweredOffAt === undefined;
}
