/** Icon and description of each thing in the tree, by its state. */

import type { ArrayModel, HostModel, VmModel } from '../backend/drive/model';
import type { ArrayStatus, HostState, HostStatus, VmStatus } from '../protocol';
import { bytes } from '../backend/placement/words';
import { count } from './count';

/** Names of a codicon and of a colour of the theme. */
export interface Icon {
  readonly id: string;
  readonly color?: string;
}

export interface Look {
  readonly description: string;
  readonly icon: Icon;
}

const GOOD = 'testing.iconPassed';
const BAD = 'list.errorForeground';
const DOUBTFUL = 'list.warningForeground';
const BUSY: Icon = { id: 'loading~spin' };

/** What a host does in each state, as the end of a sentence that begins with its name. */
const HOST_DOES: Readonly<Record<HostState, string>> = {
  off: 'is off',
  waking: 'is being woken',
  dhcp: 'asks for its address',
  bootloader: 'loads its boot loader',
  kernel: 'loads Xen and the kernel',
  root: 'loads its root image',
  hello: 'starts its system',
  ssh: 'opens ssh',
  arrays: 'assembles its arrays',
  ready: 'is ready',
  failed: 'failed',
};

/** What it does now, likewise. */
export function hostDoes({ state, waits }: HostStatus): string {
  return waits ?? HOST_DOES[state];
}

export function hostLook(host: HostModel, status: HostStatus | undefined): Look {
  if (!status) return { description: `${count(host.cpus, 'CPU')} · ${bytes(host.memoryBytes)}`, icon: { id: 'server' } };
  switch (status.state) {
    case 'off':
      return { description: 'off', icon: { id: 'server', color: 'disabledForeground' } };
    case 'ready': {
      const degraded = status.arrays.some(({ state }) => state !== 'clean' && state !== 'unknown');
      const xen = status.xenVersion === undefined ? '' : ` · Xen ${status.xenVersion}`;
      return { description: `ready${xen}`, icon: { id: 'server', color: degraded ? DOUBTFUL : GOOD } };
    }
    case 'failed':
      return { description: status.cause === undefined ? 'failed' : `failed: ${status.cause}`, icon: { id: 'error', color: BAD } };
    default: {
      const again = status.attempt > 1 ? ` · attempt ${status.attempt}` : '';
      if (status.waits !== undefined) return { description: `${status.waits}${again}`, icon: { id: 'clock' } };
      return { description: `${status.state} · ${Math.round(status.percent)} %${again}`, icon: BUSY };
    }
  }
}

export function arrayLook(array: ArrayModel, status: ArrayStatus | undefined): Look {
  const size = `${array.level} · ${bytes(array.capacityBytes)}`;
  switch (status?.state) {
    case undefined:
    case 'unknown':
      return { description: size, icon: { id: 'database' } };
    case 'clean':
      return { description: `${size} · clean`, icon: { id: 'database', color: GOOD } };
    case 'degraded':
      return { description: `${size} · degraded`, icon: { id: 'database', color: DOUBTFUL } };
    case 'missing':
    case 'refused':
      return { description: `${size} · ${status.state}`, icon: { id: 'database', color: BAD } };
  }
}

export function vmLook(vm: VmModel, status: VmStatus | undefined, reasons: readonly string[]): Look {
  const because = (reason: string | undefined) => (reason === undefined ? '' : `: ${reason}`);
  switch (status?.state) {
    case 'running':
      return { description: 'running', icon: { id: 'vm-running', color: GOOD } };
    case 'waiting':
      return { description: status.reason ?? 'waiting', icon: { id: 'clock' } };
    case 'preparing':
    case 'starting':
    case 'stopping':
      return { description: `${status.state}${because(status.reason)}`, icon: BUSY };
    case 'failed':
      return { description: `failed${because(status.reason)}`, icon: { id: 'error', color: BAD } };
    case 'unplaced':
      return { description: status.reason ?? reasons[0] ?? '', icon: { id: 'vm-outline', color: DOUBTFUL } };
    case 'stopped':
      return { description: 'stopped', icon: { id: 'vm-outline' } };
    case undefined:
      return reasons.length > 0
        ? { description: reasons[0] ?? '', icon: { id: 'vm-outline', color: DOUBTFUL } }
        : { description: `${count(vm.vcpus, 'vCPU')} · ${bytes(vm.memoryBytes)}`, icon: { id: 'vm-outline' } };
  }
}
