/** What is lent of the range: in memory for the answers, on the drive for the next start. */

import { readLeases, writeLeases } from '../../drive/leases';
import type { LeaseRecord } from '../../drive/state';
import type { Clock } from '../../system';
import type { Lease, LeaseChange, Leases } from '../answers/leases';

export interface LeaseBook extends Leases {
  apply(change: LeaseChange): void;
  /** Resolves when all that was applied is on the drive. A drive that can't be written is told of, and waited for no longer. */
  saved(): Promise<void>;
}

/** A file that is damaged or can't be read is told of and begun anew: before an address is lent it is tried whether somebody has it. */
export async function openLeaseBook(stateFolder: string, clock: Clock, onTrouble: (sentence: string) => void): Promise<LeaseBook> {
  const byAddress = new Map<string, Lease>();
  const byMac = new Map<string, Lease>();
  const enter = (lease: Lease) => {
    const former = byAddress.get(lease.address);
    if (former && byMac.get(former.mac) === former) byMac.delete(former.mac);
    if (lease.state !== 'avoided') {
      const other = byMac.get(lease.mac);
      // A machine is lent one address; what it was lent before is anybody's.
      if (other) byAddress.delete(other.address);
      byMac.set(lease.mac, lease);
    }
    byAddress.set(lease.address, lease);
  };
  for (const lease of await recorded(stateFolder, onTrouble)) enter(lease);

  let isWritten = true;
  let writing: Promise<void> | undefined;
  const write = async () => {
    // One write for all who wait: a flash drive takes its time over each.
    while (!isWritten) {
      isWritten = true;
      try {
        await writeLeases(stateFolder, recordsOf(byAddress.values(), clock.now()));
      } catch (error) {
        // The next machine that is lent an address makes us try again.
        isWritten = false;
        onTrouble(`The leases can't be written to the drive: ${(error as Error).message.replace(/\.$/, '')}. They are kept in memory meanwhile.`);
        return;
      }
    }
  };
  return {
    ofMac: (mac) => byMac.get(mac),
    ofAddress: (address) => byAddress.get(address),
    apply: (change) => {
      if (change.state === 'free') {
        const lease = byAddress.get(change.address);
        // It stays known whose it was, so that the machine gets it again if nobody else wants it.
        if (lease?.mac === change.mac) enter({ ...lease, untilMs: clock.now() });
      } else {
        const { address, mac, state, untilMs } = change;
        const former = byAddress.get(address);
        if (former?.mac === mac && former.state === state && former.untilMs === untilMs) return;
        enter({ address, mac, state, untilMs });
      }
      // An offer that isn't taken leaves no trace.
      if (change.state !== 'offered') isWritten = false;
    },
    saved: () => {
      writing ??= write().finally(() => {
        writing = undefined;
      });
      return writing;
    },
  };
}

async function recorded(stateFolder: string, onTrouble: (sentence: string) => void): Promise<readonly Lease[]> {
  try {
    return leasesIn(await readLeases(stateFolder));
  } catch (error) {
    onTrouble((error as Error).message);
    return [];
  }
}

/** What a file of leases says, for looking only. */
export function leasesOf(records: Readonly<Record<string, LeaseRecord>>): Leases {
  const leases = leasesIn(records);
  return {
    ofMac: (mac) => leases.find((lease) => lease.mac === mac && lease.state !== 'avoided'),
    ofAddress: (address) => leases.find((lease) => lease.address === address),
  };
}

function leasesIn(records: Readonly<Record<string, LeaseRecord>>): readonly Lease[] {
  return Object.entries(records).map(([address, { mac, until, avoided }]) => ({ address, mac, state: avoided === true ? 'avoided' : 'lent', untilMs: Date.parse(until) || 0 }));
}

/** Only what is still good: the file stays as small as the range. */
function recordsOf(leases: Iterable<Lease>, nowMs: number): Readonly<Record<string, LeaseRecord>> {
  const good = [...leases].filter(({ state, untilMs }) => state !== 'offered' && untilMs > nowMs);
  return Object.fromEntries(good.map(({ address, mac, state, untilMs }) => [address, { mac, until: new Date(untilMs).toISOString(), ...(state === 'avoided' && { avoided: true }) }]));
}
