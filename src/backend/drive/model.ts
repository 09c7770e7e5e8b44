/**
 * The model: what the drive's specs mean, with every quantity in one unit and every reference checked.
 * Plain values only. Lists are sorted by name, so the same drive gives the same model whatever the
 * order of its files.
 */

export interface PoolModel {
  readonly cluster: ClusterModel;
  readonly hosts: readonly HostModel[];
  readonly vms: readonly VmModel[];
}

export interface ClusterModel {
  readonly name: string;
  readonly network: NetworkModel;
  readonly boot: BootModel;
  readonly placement: PlacementPolicy;
  readonly storage: readonly SharedStorageModel[];
}

export interface NetworkModel {
  /** CIDR, for instance `10.77.0.0/24`. */
  readonly subnet: string;
  /** The boot server's address, inside the subnet. */
  readonly server: string;
  /** The interface to serve on; when absent, the one that holds `server`. */
  readonly interface?: string;
  readonly gateway?: string;
  readonly nameservers: readonly string[];
  /** Asked by the boot server for names outside the pool; absent: those are refused. */
  readonly forwarders?: readonly string[];
  readonly domain: string;
  readonly dhcp: 'authoritative' | 'proxy' | 'off';
  /** Addresses lent to machines that aren't on the drive; only with `authoritative`. */
  readonly range?: AddressRangeModel;
  /** Machines that boot and aren't on the drive are shown a menu; absent, they are left alone. */
  readonly menuForUnknown?: true;
}

export interface AddressRangeModel {
  /** First and last address, inside the subnet and free of hosts. */
  readonly from: string;
  readonly to: string;
  readonly leaseMs: number;
}

export interface BootModel {
  /** Folder name under `images/`. */
  readonly image: string;
  /** Time limit for one attempt of one host, from waking to ready. */
  readonly timeoutMs: number;
  readonly attempts: number;
  /** Hosts that are switched on in one wave. */
  readonly wakeAtOnce: number;
  /** From one wave to the next. */
  readonly wakePauseMs: number;
}

export interface PlacementPolicy {
  /** vCPUs per physical CPU. */
  readonly cpuOvercommit: number;
  /** Host failures whose VMs must still fit elsewhere. */
  readonly survive: number;
  readonly goal: 'balance' | 'consolidate';
}

export interface SharedStorageModel {
  readonly name: string;
  readonly type: 'nfs';
  readonly source: string;
  readonly capacityBytes: number;
  readonly bandwidthBps: number;
}

export interface HostModel {
  readonly name: string;
  /** Lower case, colon separated. The first is the one that boots and is woken. */
  readonly macs: readonly [string, ...string[]];
  readonly address: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** What dom0 keeps for itself. */
  readonly reserve: { readonly cpus: number; readonly memoryBytes: number };
  /** Absent: x86_64. */
  readonly architecture?: Architecture;
  /** By their names in /proc/cpuinfo; absent: not known. */
  readonly cpuFeatures?: readonly string[];
  /** Devices for VMs, counted by kind; absent: none. */
  readonly devices?: Readonly<Record<string, number>>;
  readonly arrays: readonly ArrayModel[];
  readonly wake: WakeModel;
  readonly labels: Readonly<Record<string, string>>;
}

export type Architecture = 'x86_64' | 'aarch64';

export interface ArrayModel {
  readonly name: string;
  /** As mdadm prints it: `3aaa0122:29827cfa:5331ad66:ca767371`. */
  readonly uuid: string;
  readonly level: RaidLevel;
  /** Serial numbers of the member disks. */
  readonly members: readonly string[];
  readonly mount: string;
  readonly capacityBytes: number;
  /** Bytes (not bits) per second. */
  readonly bandwidthBps: number;
  readonly iops?: number;
  /** May it start with a member missing? */
  readonly degraded: 'allow' | 'never';
}

export type RaidLevel = 'raid0' | 'raid1' | 'raid4' | 'raid5' | 'raid6' | 'raid10';

export type WakeModel =
  | { readonly method: 'wol'; readonly broadcast?: string; readonly password?: string; readonly port: number }
  | { readonly method: 'redfish' | 'ipmi'; readonly address: string; readonly user?: string }
  | { readonly method: 'command'; readonly on: string; readonly off?: string };

export interface VmModel {
  readonly name: string;
  /** Only when the spec fixes it; otherwise it is derived from the drive's id and the name. */
  readonly uuid?: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  /** Absent: x86_64. */
  readonly architecture?: Architecture;
  /** Those its host must list; absent: none. */
  readonly cpuFeatures?: readonly string[];
  /** Devices of its host that it gets for itself, counted by kind; absent: none. */
  readonly devices?: Readonly<Record<string, number>>;
  /** Higher is placed first when not all fit. */
  readonly priority: number;
  readonly disks: readonly DiskModel[];
  readonly nics: readonly NicModel[];
  readonly boot: VmBootModel;
  readonly placement: VmPlacementModel;
  readonly start: { readonly auto: boolean; readonly after: readonly string[]; readonly delayMs: number };
}

export interface DiskModel {
  readonly name: string;
  readonly sizeBytes: number;
  readonly bandwidthBps: number;
  readonly iops?: number;
  /** Golden image: a path relative to the drive, or a URL. Absent: the disk starts blank. */
  readonly source?: string;
  /** Name of a shared storage; absent: on an array of the VM's host. */
  readonly storage?: string;
}

export interface NicModel {
  readonly bridge: string;
  /** Only when the spec fixes it; otherwise derived like the UUID. */
  readonly mac?: string;
}

/** `kernel` and `ramdisk` are paths relative to the drive. */
export type VmBootModel =
  | { readonly type: 'pv' | 'pvh'; readonly kernel: string; readonly ramdisk?: string; readonly cmdline?: string }
  | { readonly type: 'pv' | 'pvh'; readonly bootloader: 'pygrub' }
  | { readonly type: 'hvm' };

export interface VmPlacementModel {
  /** Hosts it may run on; absent: any. Every label selector is already resolved to host names. */
  readonly on?: readonly string[];
  /** VMs it must never share a host with. Symmetric, as `together` is: what one VM's spec says of another holds for both. */
  readonly apart: readonly string[];
  readonly together: readonly string[];
  readonly migratable: boolean;
}
