/**
 * What the pool can ask of one booted host. Behind it are dom0's own commands over ssh (`mdadm`, `mount`, `xl`…);
 * nothing above this file knows their syntax.
 */

import type { ArrayStatus } from '../../protocol';
import type { ArrayModel, HostModel, SharedStorageModel } from '../drive/model';

/** Opens an ssh session to a host whose keys were pinned at its hello. */
export type ConnectHost = (target: HostTarget, signal: AbortSignal) => Promise<HostControl>;

export interface HostTarget {
  readonly host: HostModel;
  readonly address: string;
  readonly port: number;
  /** OpenSSH public key lines; any other key ends the connection before authentication. */
  readonly hostKeys: readonly string[];
  /** Private key of the pool, PEM or OpenSSH format. */
  readonly privateKey: string;
}

export interface HostControl {
  /** Resolves when the connection is lost or closed; never rejects. */
  readonly closed: Promise<void>;
  /** CPUs, memory, Xen's version, and the boot id that tells one boot from the next. */
  facts(signal: AbortSignal): Promise<HostFacts>;
  /**
   * Assembles and mounts what the spec names, read-only first, members compared by serial number; degraded only by policy.
   * Idempotent: an array that is already mounted is left as it is. One result an array; never throws for one array's sake.
   */
  bringUpArrays(arrays: readonly ArrayModel[], claim: ArrayClaim, signal: AbortSignal): Promise<readonly ArrayReport[]>;
  /** Mounts shared storage; idempotent. */
  mountStorage(storage: readonly SharedStorageModel[], signal: AbortSignal): Promise<readonly StorageReport[]>;
  /** Every domain but dom0, whoever made it. */
  listDomains(signal: AbortSignal): Promise<readonly Domain[]>;
  /**
   * Makes a VM's disk: blank or from a golden image, under a temporary name, checked, then renamed. Refuses if one exists.
   * `onProgress` gets bytes copied.
   */
  createDisk(request: CreateDisk, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void>;
  /** Copies dated spec text beside the VM's disks, so that the array explains itself without the drive. */
  writeVmRecord(record: VmRecordWrite, signal: AbortSignal): Promise<void>;
  /** Starts a domain; refuses when its UUID already runs here. Resolves when Xen lists it. */
  startVm(domain: DomainConfig, signal: AbortSignal): Promise<void>;
  /** Asks the guest to shut down and waits; destroys it only when `force` and the time limit has passed. */
  stopVm(uuid: string, options: { readonly timeoutMs: number; readonly force: boolean }, signal: AbortSignal): Promise<void>;
  /** Unmounts, stops the arrays, powers off. Refuses while a domain runs. */
  powerOff(signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface HostFacts {
  readonly bootId: string;
  readonly xenVersion: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
}

/** Says whose array this is; an array that carries another drive's id is refused, never overwritten. */
export interface ArrayClaim {
  readonly driveId: string;
  readonly host: string;
}

export interface ArrayReport {
  readonly status: ArrayStatus;
  readonly capacityBytes: number;
  /** Disks found on it, with what their records say. */
  readonly disks: readonly DiskRecord[];
}

export interface StorageReport {
  readonly name: string;
  readonly mounted: boolean;
  readonly detail?: string;
  readonly disks: readonly DiskRecord[];
}

/** Beside each disk on its array: which VM's it is, and which generation (raised by each move, so that stale copies show). */
export interface DiskRecord {
  readonly vm: string;
  readonly vmUuid: string;
  readonly disk: string;
  readonly generation: number;
  readonly sizeBytes: number;
}

export interface CreateDisk {
  /** Absolute path of the array's (or storage's) mount on the host. */
  readonly mount: string;
  readonly record: DiskRecord;
  /** Golden image on this machine, absolute path; absent: blank. */
  readonly sourceFile?: string;
}

export interface VmRecordWrite {
  readonly mount: string;
  readonly vm: string;
  readonly specText: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Domain {
  readonly name: string;
  readonly uuid: string;
  readonly id: number;
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** As Xen says: `running` covers blocked too. */
  readonly state: 'running' | 'paused' | 'shutdown' | 'crashed' | 'dying';
}

export interface DomainConfig {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly disks: readonly { readonly mount: string; readonly record: DiskRecord }[];
  readonly nics: readonly { readonly bridge: string; readonly mac: string }[];
  readonly boot: DomainBoot;
}

/** Files are absolute paths on this machine; they are copied to the host's RAM when it lacks them. */
export type DomainBoot =
  | { readonly type: 'pv' | 'pvh'; readonly kernelFile: string; readonly ramdiskFile?: string; readonly cmdline?: string }
  | { readonly type: 'pv' | 'pvh'; readonly bootloader: 'pygrub' }
  | { readonly type: 'hvm' };
