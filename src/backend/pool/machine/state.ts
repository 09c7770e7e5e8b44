/** What the machine knows. Plain values; every change makes a new state, so that a run can be replayed from its journal. */

import type { DiskPlace, HostState, PlanJson, VmState } from '../../../protocol';
import type { HostModel, PoolModel, VmModel } from '../../drive/model';
import type { LockedDisk, PlacementLock } from '../../drive/state';
import type { ArrayReport, Domain, HostFacts, StorageReport } from '../../hosts/control';
import type { Trouble } from './events';
import type { StepLimits } from './steps';

/** What the machine is told once. */
export interface PoolConfig {
  readonly model: PoolModel;
  /** By VM name. */
  readonly vmUuids: Readonly<Record<string, string>>;
  /** The drive's record as it was when the run began. */
  readonly lock: PlacementLock;
  /** What is remembered of each host's last boot; absent: it never said hello. */
  readonly pasts: Readonly<Record<string, HostPast>>;
  readonly timing: PoolTiming;
}

export interface HostPast {
  /** Its host keys are on the drive: it was booted from it, can be asked whether it is still up, and may hold disks. */
  readonly hasKeys: boolean;
  /** PXEN itself switched it off since. */
  readonly poweredOff: boolean;
}

export interface PoolTiming {
  readonly attempts: number;
  readonly limits: StepLimits;
  /** A host that was ready for so long has come up for good: when it is lost, its attempts are counted anew. */
  readonly steadyMs: number;
  readonly wakeEveryMs: number;
  /** Most hosts that are switched on within `wakePauseMs`. */
  readonly wakeAtOnce: number;
  readonly wakePauseMs: number;
  readonly connectEveryMs: number;
  /** How often a host that was given up is asked whether it is there after all. */
  readonly lookAgainMs: number;
  /** How long the first plan waits for what hosts that are up already have to say. */
  readonly planWaitMs: number;
  /** A listing of domains older than this proves nothing any more. */
  readonly surveyFreshMs: number;
  readonly lockRetryMs: number;
  readonly lockTries: number;
  readonly startsPerHost: number;
}

export interface PoolState {
  readonly config: PoolConfig;
  readonly startedAt: number;
  readonly hosts: ReadonlyMap<string, HostNode>;
  /** In start order. */
  readonly vms: ReadonlyMap<string, VmNode>;
  /** By `vm/disk`; every disk of every VM of the model has an entry. */
  readonly disks: ReadonlyMap<string, DiskKnowledge>;
  readonly planning: Planning;
  readonly lock: LockState;
  readonly survey: Survey;
  /** When hosts were woken, the last `wakeAtOnce` times; the earliest first. */
  readonly wokenAt: readonly number[];
}

export interface HostNode {
  readonly spec: HostModel;
  readonly state: HostState;
  /** When it entered `state`. */
  readonly since: number;
  /** 0 until it is to be woken for the first time: a host that was up already is adopted without an attempt. */
  readonly attempt: number;
  readonly attemptEndsAt: number | undefined;
  readonly stepEndsAt: number | undefined;
  /** When its next packets are due; they leave with the next wave that has a place for it. */
  readonly nextWakeAt: number | undefined;
  readonly wakes: number;
  /** Of the file being downloaded, 0…1. */
  readonly fraction: number;
  readonly hasKeys: boolean;
  readonly link: 'down' | 'opening' | 'up';
  readonly nextLinkAt: number | undefined;
  /** It can't be asked, but is known to run no domain: PXEN switched it off, or it is on its way up from firmware. */
  readonly quiet: boolean;
  /** Its firmware asked for an address while its old connection still seemed open. */
  readonly firmwareSeenAt: number | undefined;
  /** Counts its sessions: what one was asked says nothing of the next. */
  readonly session: number;
  readonly facts: HostFacts | undefined;
  /** Of the last session; another one means that the host was restarted. */
  readonly lastBootId: string | undefined;
  readonly arrays: readonly ArrayReport[] | undefined;
  readonly storage: readonly StorageReport[];
  readonly domains: DomainListing | undefined;
  /** The last thing that went wrong, in words: the cause when the step's time runs out. */
  readonly trouble: Trouble | undefined;
  readonly cause: string | undefined;
  readonly remedy: string | undefined;
}

export interface DomainListing {
  /** When the host was asked, not when it answered: what happened since may be missing. */
  readonly askedAt: number;
  readonly domains: readonly Domain[];
}

export interface VmNode {
  readonly spec: VmModel;
  readonly uuid: string;
  readonly state: VmState;
  readonly host: string | undefined;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** Names of disks whose creation was asked for and hasn't ended. */
  readonly making: readonly string[];
  /** When it was started or found; undefined: it doesn't run. */
  readonly runsSince: number | undefined;
  /** Found running: nobody needs to wait for its delay. */
  readonly adopted: boolean;
  /** `state` stands until its host comes up anew; otherwise it is worked out again from what is known. */
  readonly final: boolean;
  /** When the delay of its start order is over. */
  readonly dueAt: number | undefined;
}

export interface DiskKnowledge {
  readonly vm: string;
  readonly disk: string;
  /** As seen on arrays and storage, at the last look at each. */
  readonly copies: readonly DiskCopy[];
  readonly locked: LockedDisk | undefined;
}

export interface DiskCopy {
  readonly place: DiskPlace;
  readonly vmUuid: string;
  readonly generation: number;
  readonly sizeBytes: number;
  /** When it was made, or when the listing that shows it was begun. */
  readonly seenAt: number;
}

export interface Planning {
  readonly plan: PlanJson | undefined;
  /** What the plan, or the one being computed, took for granted. */
  readonly basis: PlanBasis | undefined;
  readonly computing: boolean;
  readonly failure: string | undefined;
}

export interface PlanBasis {
  /** Hosts, arrays and storage that can't be used, and hosts smaller than their spec. */
  readonly shortfalls: readonly string[];
  /** VMs that stay where they are: VM name to host name. */
  readonly pins: Readonly<Record<string, string>>;
  /** VMs left out of the planning because their disks can't be reached. */
  readonly excluded: Readonly<Record<string, string>>;
}

export interface LockState {
  readonly content: PlacementLock;
  /** What is safely on the drive. */
  readonly written: PlacementLock;
  /** What is being written; undefined: nothing. */
  readonly writing: PlacementLock | undefined;
  readonly serial: number;
  readonly failures: number;
  readonly failure: string | undefined;
  readonly retryAt: number | undefined;
}

export interface Survey {
  readonly round: number;
  /** When the present round was asked; undefined: none is under way. */
  readonly askedAt: number | undefined;
  /** The session of each host that was asked. */
  readonly sessions: Readonly<Record<string, number>>;
  /** A look in passing, which nothing waits for. */
  readonly watching: boolean;
}

export const diskKey = (vm: string, disk: string): string => `${vm}/${disk}`;
