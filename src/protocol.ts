/**
 * The contract between the extension, the command line and the backend: types only.
 * What `--json` prints and what travels over JSON-RPC is declared here, so that a change of either shows.
 */

// ---- Problems (`pxen validate --json`) ----

export type Severity = 'error' | 'warning' | 'information';

/** Lines and columns are 1-based; the end is exclusive. */
export interface ProblemJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
}

// ---- Plan (`pxen plan --json`) ----

export type DiskPlace =
  | { readonly host: string; readonly array: string }
  | { readonly storage: string };

export interface PlanJson {
  readonly status: 'optimal' | 'feasible' | 'infeasible';
  /** Relative distance from the proven bound; 0 when optimal. */
  readonly gap: number;
  /** VM name to host name. */
  readonly assignments: Readonly<Record<string, string>>;
  /** `vm/disk` to its place. */
  readonly disks: Readonly<Record<string, DiskPlace>>;
  readonly unplaced: readonly UnplacedVm[];
  /** Failures within what `survive` promises, after which VMs would find no room. */
  readonly failures: readonly FailureShortfall[];
  readonly actions: readonly PlanAction[];
  /** Where disks lie that were asked to be taken as lost, by `vm/disk`: new ones in their place hold none of their data. Absent: nobody asked. */
  readonly lost?: Readonly<Record<string, DiskPlace>>;
  /** VMs that a better placement would move, and that stay because no order of moves leads there. Absent: there are none. */
  readonly stuck?: readonly string[];
  /** The search for a better plan was ended by its caller: asked again with more patience, the plan may be better. Absent: it wasn't. */
  readonly stopped?: true;
  readonly objective: PlanObjective;
  readonly bound: PlanObjective;
}

export interface FailureShortfall {
  /** Hosts that fail at the same time. */
  readonly hosts: readonly string[];
  readonly vms: readonly string[];
}

export interface UnplacedVm {
  readonly vm: string;
  readonly priority: number;
  /** In words, one a host or requirement. */
  readonly reasons: readonly string[];
  /** The requirements that can't hold together. */
  readonly conflict: readonly string[];
  /** What would let it in, the cheapest first; only where somebody asked for it. */
  readonly remedies?: readonly string[];
}

/** One step of the way from what is to what the plan wants. */
export type PlanStep =
  | { readonly kind: 'create-disk'; readonly vm: string; readonly disk: string; readonly to: DiskPlace; readonly bytes: number }
  /** Copied while its VM is down; the source is kept until the copy is verified, so that its space counts at both ends. */
  | { readonly kind: 'move-disk'; readonly vm: string; readonly disk: string; readonly from: DiskPlace; readonly to: DiskPlace; readonly bytes: number }
  /** Live: `bytes` of memory travel, and it takes its room at both ends meanwhile. */
  | { readonly kind: 'migrate'; readonly vm: string; readonly from: string; readonly to: string; readonly bytes: number }
  | { readonly kind: 'start'; readonly vm: string; readonly host: string }
  /** For a while: a later step starts it again. */
  | { readonly kind: 'stop'; readonly vm: string; readonly host: string; readonly reason: string };

/** The steps are feasible one after the other, and in every order and overlap that keeps `after`. */
export type PlanAction = PlanStep & {
  /** Estimated, whole; what it rests on is in docs/placement.md. */
  readonly seconds: number;
  /** Actions, by their index in the list, that must have ended before this one begins; all come before it. */
  readonly after: readonly number[];
};

export interface PlanObjective {
  /** Sum of the priorities of the VMs left out. */
  readonly unplacedPriority: number;
  /** VMs left out. */
  readonly unplaced: number;
  /** VMs without room after a failure, counted over all failures that `survive` promises to bear. */
  readonly surviveShortfall: number;
  /** Bytes of the disks that end elsewhere, and of the memory of running VMs that do. Detours on the way aren't counted. */
  readonly bytesMoved: number;
  /** The largest load of any resource of any host, 0…1, rounded up to a hundredth. */
  readonly maxLoad: number;
  /** Of each host the load of its fullest resource, likewise; the largest first. What `balance` makes as small as it can, one after the other. */
  readonly loads: readonly number[];
  readonly hostsUsed: number;
  readonly moves: number;
}

// ---- The pool while it runs (`pxen boot --json`, one event a line; `pxen status --json`) ----

export type HostState =
  | 'off'
  | 'waking'
  | 'dhcp'
  | 'bootloader'
  | 'kernel'
  | 'root'
  | 'hello'
  | 'ssh'
  | 'arrays'
  | 'ready'
  | 'failed';

export interface HostStatus {
  readonly name: string;
  readonly address: string;
  readonly state: HostState;
  /** 0…100 on the way up. */
  readonly percent: number;
  /** When it entered this state, ISO 8601. */
  readonly since: string;
  readonly attempt: number;
  readonly arrays: readonly ArrayStatus[];
  readonly xenVersion?: string;
  /** Why a host that is `waking` wasn't sent a packet yet, as the end of a sentence that begins with its name. */
  readonly waits?: string;
  /** Plain-language cause when it failed or is being tried again. */
  readonly cause?: string;
  /** What the administrator could do about it. */
  readonly remedy?: string;
}

export interface ArrayStatus {
  readonly name: string;
  readonly state: 'unknown' | 'clean' | 'degraded' | 'missing' | 'refused';
  readonly mounted: boolean;
  readonly detail?: string;
}

export type VmState = 'stopped' | 'waiting' | 'preparing' | 'starting' | 'running' | 'unplaced' | 'failed' | 'stopping';

export interface VmStatus {
  readonly name: string;
  readonly state: VmState;
  readonly host?: string;
  readonly reason?: string;
  readonly remedy?: string;
}

export interface PoolSnapshot {
  readonly cluster: string;
  readonly phase: 'idle' | 'booting' | 'up' | 'partly' | 'stopping' | 'down';
  readonly at: string;
  readonly hosts: readonly HostStatus[];
  readonly vms: readonly VmStatus[];
}

/** One line of `--json` output of `boot`, `lab`, `serve`, `down`; also the notification over JSON-RPC. */
export type PoolEvent =
  | { readonly event: 'host'; readonly at: string; readonly host: HostStatus }
  | { readonly event: 'vm'; readonly at: string; readonly vm: VmStatus }
  | { readonly event: 'netboot'; readonly at: string; readonly mac?: string; readonly host?: string; readonly sentence: string }
  | { readonly event: 'log'; readonly at: string; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly sentence: string }
  | { readonly event: 'serving'; readonly at: string; readonly addresses: Readonly<Record<string, string>> }
  | { readonly event: 'pool'; readonly at: string; readonly snapshot: PoolSnapshot };

// ---- Machines that asked to boot and that the drive doesn't know (`state/unknown-machines.json`) ----

/** Everything here was said by the machine itself and is worth no more than that; the text is cleaned of all but plain characters. */
export interface UnknownMachine {
  /** Lower case, colons. */
  readonly mac: string;
  /** `boot`: firmware or iPXE that wants to boot from the network. `address`: an operating system, phone, printer… */
  readonly wants: 'boot' | 'address';
  /** In words, as `BIOS` or `x64 UEFI`; only of those that want to boot. */
  readonly architecture?: string;
  /** Option 60, as `PXEClient:Arch:00007:UNDI:003016`. Letters, digits and ` .:_/-` only, at most 64. */
  readonly vendorClass?: string;
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** Requests heard from it. */
  readonly count: number;
}

// ---- JSON-RPC between the window (or a second command) and the backend ----
//
// The window starts `backend.js` and speaks over its standard input and output (LSP's header framing); standard error is for
// people and ends in the log. The backend ends when its input closes, and takes its labs with it; started with `--stay` it goes on.

/** How `boot` reaches machines: real ones, or one of the labs. */
export type PoolTarget = 'machines' | 'simulated' | 'qemu';

export interface DriveParams {
  readonly drive: string;
}

export interface BootParams extends DriveParams {
  readonly target: PoolTarget;
  /** Serve addresses although another DHCP server answers on the network; without it the boot is refused (`OtherDhcpServerData`). */
  readonly despiteOtherDhcp?: boolean;
}

export interface BootResult {
  /** As the command line: 0 pool up, 3 partly. */
  readonly exitCode: 0 | 3;
  readonly snapshot: PoolSnapshot;
}

/** Method name to its parameters and result. Requests are cancelled with `$/cancelRequest`. */
export interface BackendRequests {
  'pool/boot': { params: BootParams; result: BootResult };
  'pool/status': { params: DriveParams; result: PoolSnapshot };
  /** `force` ends guests that don't shut down in time. `exitCode` 0: every host is off. */
  'pool/down': { params: DriveParams & { readonly force?: boolean }; result: BootResult };
  'pool/wake': { params: DriveParams & { readonly hosts: readonly string[] }; result: { readonly woken: readonly string[] } };
  'backend/stop': { params: Record<string, never>; result: null };
}

/** `data` of the error that `pool/boot` is answered with when another DHCP server forbids to serve. */
export interface OtherDhcpServerData {
  readonly code: 'other-dhcp-server';
  /** `mac` is absent when it can't be seen from the boot server. */
  readonly servers: readonly { readonly address: string; readonly mac?: string }[];
}

/** `data` of that error when the system kept ports for root and didn't give them: the user turned the question down, or nobody could be asked. */
export interface NoPortsData {
  readonly code: 'elevation-dismissed' | 'elevation-refused';
}

export type BackendErrorData = OtherDhcpServerData | NoPortsData;

export interface BackendNotifications {
  'pool/event': PoolEvent;
}

/** Written to `state/backend.json` while a backend works on the drive, so that other commands reach it. */
export interface BackendRecord {
  readonly pid: number;
  /** Unix socket (named pipe on Windows) that speaks the JSON-RPC above. */
  readonly socket: string;
  readonly startedAt: string;
  readonly target: PoolTarget;
}
