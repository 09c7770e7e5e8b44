/**
 * Where disks are: what the drive records, joined with what arrays and storage show. The drive's record follows the arrays
 * when they know better (a newer generation, or a disk it has never heard of), and never forgets a disk by itself. What it
 * learned so is marked as adopted, on the drive too: a doubt whether it is the right copy outlives this run.
 */

import type { DiskPlace } from '../../../protocol';
import type { VmModel } from '../../drive/model';
import type { LockedDisk } from '../../drive/state';
import type { ArrayReport, DiskRecord, StorageReport } from '../../hosts/control';
import type { Draft } from './draft';
import { placeInWords, samePlace } from './safety';
import { type DiskCopy, type DiskKnowledge, type PoolConfig, diskKey } from './state';

export function newDisks(config: PoolConfig): Map<string, DiskKnowledge> {
  return new Map(
    config.model.vms.flatMap((vm) =>
      vm.disks.map(({ name }): [string, DiskKnowledge] => {
        const key = diskKey(vm.name, name);
        return [key, { vm: vm.name, disk: name, copies: [], locked: config.lock.disks[key] }];
      }),
    ),
  );
}

/** What a host's arrays and the storage it mounts hold replaces what was known of these places. */
export function readDisks(draft: Draft, host: string, { readAt, arrays, storage }: { readonly readAt: number; readonly arrays: readonly ArrayReport[]; readonly storage: readonly StorageReport[] }): void {
  for (const { status, disks } of arrays) {
    if (status.mounted) readPlace(draft, { host, array: status.name }, disks, readAt);
  }
  for (const { name, mounted, disks } of storage) {
    if (mounted) readPlace(draft, { storage: name }, disks, readAt);
  }
  adoptNewest(draft);
}

/** A disk that was just made, or found made where it was to be. */
export function addCopy(draft: Draft, place: DiskPlace, record: DiskRecord): void {
  const key = diskKey(record.vm, record.disk);
  const { copies } = draft.disk(key);
  draft.updateDisk(key, { copies: [...copies.filter((copy) => !samePlace(copy.place, place)), copyOf(place, record, draft.now)] });
  lockDisk(draft, key, { place, generation: record.generation, sizeBytes: record.sizeBytes });
}

/** The record of a disk still to be made: one generation above anything known of it. */
export function nextGeneration(disk: DiskKnowledge): number {
  return 1 + Math.max(0, disk.locked?.generation ?? 0, ...disk.copies.map(({ generation }) => generation));
}

/** It was shown that a VM may be started from its disks: from now on they are the right ones, whatever turns up later. */
export function confirmDisks(draft: Draft, vm: VmModel): void {
  for (const { name } of vm.disks) {
    const key = diskKey(vm.name, name);
    const { locked } = draft.disk(key);
    if (locked?.adopted === true) lockDisk(draft, key, { place: locked.place, generation: locked.generation, sizeBytes: locked.sizeBytes });
  }
}

/** Another host may have made a disk on shared storage while this one was still reading: what is known since then stands. */
function readPlace(draft: Draft, place: DiskPlace, records: readonly DiskRecord[], readAt: number): void {
  const found = new Map(records.map((record) => [diskKey(record.vm, record.disk), record]));
  for (const [key, disk] of draft.disks) {
    const record = found.get(key);
    if (disk.copies.some((copy) => samePlace(copy.place, place) && copy.seenAt >= readAt)) continue;
    const others = disk.copies.filter((copy) => !samePlace(copy.place, place));
    if (record === undefined && others.length === disk.copies.length) continue;
    draft.updateDisk(key, { copies: record === undefined ? others : [...others, copyOf(place, record, readAt)].sort(byPlace) });
  }
}

function adoptNewest(draft: Draft): void {
  for (const [key, disk] of draft.disks) {
    const uuid = draft.vm(disk.vm).uuid;
    for (const copy of disk.copies) {
      const { locked } = draft.disk(key);
      if (copy.vmUuid === uuid && (locked === undefined || copy.generation > locked.generation)) {
        lockDisk(draft, key, { place: copy.place, generation: copy.generation, sizeBytes: copy.sizeBytes, adopted: true });
      }
    }
  }
}

function lockDisk(draft: Draft, key: string, locked: LockedDisk): void {
  draft.updateDisk(key, { locked });
  const { content } = draft.lock;
  draft.lock = { ...draft.lock, content: { ...content, disks: { ...content.disks, [key]: locked } } };
}

function copyOf(place: DiskPlace, record: DiskRecord, seenAt: number): DiskCopy {
  return { place, seenAt, vmUuid: record.vmUuid, generation: record.generation, sizeBytes: record.sizeBytes };
}

function byPlace(a: DiskCopy, b: DiskCopy): number {
  return placeInWords(a.place) < placeInWords(b.place) ? -1 : 1;
}
