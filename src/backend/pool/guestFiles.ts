/** The files that VMs start from, looked for before anybody is woken: a typing error is told at once, not after minutes. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { PoolModel, VmModel } from '../drive/model';
import type { PlacementLock } from '../drive/state';
import { isUrl } from './golden';

/** A sentence for each kernel, ramdisk or golden image that a VM to be started needs and that isn't on the drive. Disks that exist need no golden image. */
export async function missingGuestFiles(model: PoolModel, driveFolder: string, lock: PlacementLock): Promise<readonly string[]> {
  const needed = model.vms.filter(({ start }) => start.auto).flatMap((vm) => filesOf(vm, lock).map((file) => ({ vm: vm.name, file })));
  const present = await Promise.all(needed.map(({ file }) => isThere(path.resolve(driveFolder, file))));
  const missing = needed.filter((_, index) => present[index] === false);
  return [...new Set(missing.map(({ file }) => file))].map((file) => {
    const users = missing.filter((need) => need.file === file).map(({ vm }) => vm);
    return `There is no file ${file} on the drive: ${[...new Set(users)].join(', ')} can't start without it.`;
  });
}

function filesOf({ name, disks, boot }: VmModel, lock: PlacementLock): readonly string[] {
  const golden = disks.filter((disk) => lock.disks[`${name}/${disk.name}`] === undefined).flatMap(({ source }) => (source === undefined || isUrl(source) ? [] : [source]));
  return 'kernel' in boot ? [boot.kernel, ...(boot.ramdisk === undefined ? [] : [boot.ramdisk]), ...golden] : golden;
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
