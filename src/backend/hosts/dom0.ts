/** What the pool asks of a booted host, put together from dom0's commands. */

import type { ArrayModel, SharedStorageModel } from '../drive/model';
import { delay, type Clock } from '../system';
import { bringUpArray } from './arrays';
import type {
  ArrayClaim,
  ArrayReport,
  CreateDisk,
  Domain,
  DomainConfig,
  HostControl,
  HostFacts,
  StorageReport,
  VmRecordWrite,
} from './control';
import { createDisk } from './disks';
import { listDomains } from './domains';
import { HostError } from './errors';
import { readFacts } from './facts';
import { listMounts, mountNfs, storageMount } from './mounts';
import { powerOff } from './power';
import { readDisks, writeVmRecord } from './records';
import type { Dom0Shell } from './shell';
import { startVm, stopVm } from './vm';

/** How long the connection may outlive the order to power off; an emulated machine unwinds slowly. */
const POWER_OFF_LIMIT_MS = 2 * 60_000;

export class Dom0 implements HostControl {
  constructor(
    private readonly shell: Dom0Shell,
    readonly closed: Promise<void>,
    private readonly end: () => void,
    private readonly clock: Clock,
  ) {}

  facts(signal: AbortSignal): Promise<HostFacts> {
    return readFacts(this.shell, signal);
  }

  /** One after the other: mdadm holds a lock over its map of arrays anyway. */
  async bringUpArrays(arrays: readonly ArrayModel[], claim: ArrayClaim, signal: AbortSignal): Promise<readonly ArrayReport[]> {
    const reports: ArrayReport[] = [];
    for (const array of arrays) reports.push(await bringUpArray(this.shell, array, claim, this.clock, signal));
    return reports;
  }

  async mountStorage(storage: readonly SharedStorageModel[], signal: AbortSignal): Promise<readonly StorageReport[]> {
    if (storage.length === 0) return [];
    const mounts = await listMounts(this.shell, signal);
    const reports: StorageReport[] = [];
    for (const one of storage) {
      try {
        await mountNfs(this.shell, one, mounts, signal);
        const { records, strange } = await readDisks(this.shell, storageMount(one), signal);
        reports.push({ name: one.name, mounted: true, disks: records, ...(strange.length === 0 ? {} : { detail: `Files without a sound record, left alone: ${strange.join(', ')}.` }) });
      } catch (error) {
        if (!(error instanceof HostError) || !['command', 'silent'].includes(error.kind)) throw error;
        reports.push({ name: one.name, mounted: false, detail: error.message, disks: [] });
      }
    }
    return reports;
  }

  listDomains(signal: AbortSignal): Promise<readonly Domain[]> {
    return listDomains(this.shell, signal);
  }

  createDisk(request: CreateDisk, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
    return createDisk(this.shell, request, onProgress, signal);
  }

  writeVmRecord(record: VmRecordWrite, signal: AbortSignal): Promise<void> {
    return writeVmRecord(this.shell, record, signal);
  }

  startVm(domain: DomainConfig, signal: AbortSignal): Promise<void> {
    return startVm(this.shell, domain, signal);
  }

  stopVm(uuid: string, options: { readonly timeoutMs: number; readonly force: boolean }, signal: AbortSignal): Promise<void> {
    return stopVm(this.shell, uuid, options, this.clock, signal);
  }

  /** Resolves when the host is gone from the network. */
  async powerOff(signal: AbortSignal): Promise<void> {
    await powerOff(this.shell, signal);
    const limit = new AbortController();
    try {
      const late = delay(this.clock, POWER_OFF_LIMIT_MS, AbortSignal.any([signal, limit.signal])).then(() => {
        throw new HostError({ kind: 'silent', host: this.shell.host, tried: 'power off', said: 'it took the order and is still there', remedy: 'Press its power button: its arrays are unmounted and stopped.' });
      });
      await Promise.race([this.closed, late]);
    } finally {
      limit.abort();
    }
  }

  close(): void {
    this.end();
  }
}
