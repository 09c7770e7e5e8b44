/**
 * What PXEN writes on the drive. Everything goes to a temporary file, is synced and renamed, so that the drive may be
 * pulled at any moment. No symbolic links, no reliance on case or modes: a FAT drive must do.
 */

import type { DiskPlace } from '../../protocol';

/** `identity.json`: made once for a drive. VM UUIDs and MACs are derived from it. */
export interface DriveIdentity {
  readonly driveId: string;
  readonly createdAt: string;
}

/** `placement.json`: where VMs were put and which disks exist, readable in a git diff. */
export interface PlacementLock {
  readonly assignments: Readonly<Record<string, string>>;
  /** By `vm/disk`. Only disks that were really made. */
  readonly disks: Readonly<Record<string, LockedDisk>>;
}

export interface LockedDisk {
  readonly place: DiskPlace;
  readonly generation: number;
  readonly sizeBytes: number;
  /** The drive knew nothing of it: it was found on its place, and no VM was started from it since. A copy elsewhere may be the right one. */
  readonly adopted?: true;
}

/** `hosts/<name>.json`: the present boot of a host, so that a restarted backend recognises it. */
export interface HostBootRecord {
  readonly mac: string;
  readonly image: string;
  /** sha256 of the one-time token, hex; the token itself is never stored. */
  readonly tokenSha256: string;
  readonly issuedAt: string;
  /** Issued before and not spent, newest first: the machine may have booted with any of them. None once one is spent. */
  readonly formerTokens?: readonly IssuedToken[];
  /** Set once the token is spent. */
  readonly hello?: HelloRecord;
  /**
   * The last hello before the token was issued, kept until the token is spent. Anybody may fetch a boot script: till the next
   * hello the host may still run as it did, and shows these keys. `tokenSha256` is the token it was spent with.
   */
  readonly formerHello?: HelloRecord & { readonly tokenSha256?: string };
  /** Set when PXEN itself powered the host off; cleared by the next boot. */
  readonly poweredOffAt?: string;
}

/** A boot token by its hash, and the MAC it was issued to. */
export interface IssuedToken {
  readonly mac: string;
  readonly tokenSha256: string;
}

export interface HelloRecord {
  readonly at: string;
  readonly address: string;
  /** OpenSSH public key lines. */
  readonly hostKeys: readonly string[];
}

/** In `leases.json`, by address: what is lent of `network.range`. */
export interface LeaseRecord {
  readonly mac: string;
  /** ISO 8601. */
  readonly until: string;
  /** Not lent: another machine was found to have the address, and `mac` told of it. */
  readonly avoided?: true;
}

export interface DriveState {
  readonly folder: string;
  /** Reads the identity, making it when the drive has none. */
  identity(): Promise<DriveIdentity>;
  placement(): Promise<PlacementLock>;
  writePlacement(lock: PlacementLock): Promise<void>;
  hostBoot(host: string): Promise<HostBootRecord | undefined>;
  writeHostBoot(host: string, record: HostBootRecord): Promise<void>;
  /** Opens `runs/<time>.jsonl`; each line is flushed before `append` resolves. */
  openJournal(startedAt: string): Promise<Journal>;
}

export interface Journal {
  append(entry: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}
