/** What the machine is told, and what it asks for. Every effect but `wake` and `disconnect` is answered by exactly one event. */

import type { DiskPlace, PlanJson } from '../../../protocol';
import type { PoolModel } from '../../drive/model';
import type { PlacementLock } from '../../drive/state';
import type { ArrayReport, DiskRecord, Domain, HostFacts, StorageReport } from '../../hosts/control';
import type { Inventory, PreviousPlacement } from '../../placement/inputs';

export type PoolInput =
  | { readonly kind: 'start' }
  /** Time has passed; sent when `nextDeadline` is reached. */
  | { readonly kind: 'tick' }
  /** A look at every host, to notice guests that ended by themselves. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'dhcp'; readonly host: string; readonly client: 'bios' | 'uefi' | 'ipxe' | 'os' }
  | { readonly kind: 'bootloader'; readonly host: string }
  | { readonly kind: 'script'; readonly host: string }
  | { readonly kind: 'image'; readonly host: string; readonly file: string; readonly bytesSent: number; readonly bytesTotal: number }
  | { readonly kind: 'hello'; readonly host: string }
  /** Answers `wake` only when a packet couldn't be sent. */
  | ({ readonly kind: 'wake-failed'; readonly host: string } & Trouble)
  | { readonly kind: 'connected'; readonly host: string; readonly facts: HostFacts }
  /** `stranger`: something answers there, but it isn't the host as it was pinned, or doesn't let the pool in. */
  | ({ readonly kind: 'connect-failed'; readonly host: string; readonly stranger: boolean } & Trouble)
  | { readonly kind: 'disconnected'; readonly host: string; readonly reason: string }
  | {
      readonly kind: 'arrays-read';
      readonly host: string;
      /** Before the first disk was listed: one that was made since may be missing. */
      readonly readAt: number;
      /** Before the domains were listed. */
      readonly askedAt: number;
      readonly arrays: readonly ArrayReport[];
      readonly storage: readonly StorageReport[];
      readonly domains: readonly Domain[];
    }
  | ({ readonly kind: 'bring-up-failed'; readonly host: string } & Trouble)
  | { readonly kind: 'planned'; readonly plan: PlanJson }
  | { readonly kind: 'plan-failed'; readonly reason: string }
  | { readonly kind: 'disk-created'; readonly vm: string; readonly disk: string; readonly place: DiskPlace; readonly record: DiskRecord }
  | ({ readonly kind: 'disk-failed'; readonly vm: string; readonly disk: string; readonly host: string } & Trouble)
  | { readonly kind: 'lock-written'; readonly serial: number }
  | { readonly kind: 'lock-failed'; readonly serial: number; readonly reason: string }
  | { readonly kind: 'surveyed'; readonly round: number; readonly answers: Readonly<Record<string, SurveyAnswer>> }
  | { readonly kind: 'vm-started'; readonly vm: string; readonly host: string }
  | ({ readonly kind: 'vm-start-failed'; readonly vm: string; readonly host: string } & Trouble);

/** What went wrong, as a sentence without its full stop, and what can be done about it. */
export interface Trouble {
  readonly reason: string;
  readonly remedy?: string;
}

export type SurveyAnswer = { readonly domains: readonly Domain[] } | { readonly failed: string };

export type PoolEffect =
  | { readonly kind: 'wake'; readonly host: string }
  /** Opens ssh with the recorded host keys and reads the facts: `connected` or `connect-failed`. */
  | { readonly kind: 'connect'; readonly host: string; readonly purpose: 'probe' | 'hello' }
  /** Ends the session; no `disconnected` follows. */
  | { readonly kind: 'disconnect'; readonly host: string }
  /** Arrays, storage, then domains: `arrays-read` or `bring-up-failed`. */
  | { readonly kind: 'bring-up'; readonly host: string }
  | { readonly kind: 'plan'; readonly model: PoolModel; readonly inventory: Inventory; readonly previous: PreviousPlacement }
  | { readonly kind: 'create-disk'; readonly vm: string; readonly disk: string; readonly host: string; readonly place: DiskPlace; readonly record: DiskRecord }
  | { readonly kind: 'write-lock'; readonly serial: number; readonly lock: PlacementLock }
  | { readonly kind: 'survey'; readonly round: number; readonly hosts: readonly string[] }
  | { readonly kind: 'start-vm'; readonly vm: string; readonly host: string; readonly disks: readonly DiskAtHost[] };

export interface DiskAtHost {
  readonly place: DiskPlace;
  readonly record: DiskRecord;
}
