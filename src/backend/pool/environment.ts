/**
 * The surroundings a pool runs in: real machines, simulated ones, or QEMU. The pool itself is the same in each;
 * only addresses, ports and folders differ, and they differ here and nowhere else.
 */

import type { PoolTarget } from '../../protocol';
import type { HostModel, PoolModel } from '../drive/model';
import type { NetbootEndpoints, NetbootPorts } from '../netboot/endpoints';

export interface PoolEnvironment {
  readonly target: PoolTarget;
  /** Absolute folders. A lab keeps its own, so that it never touches the drive's real state or images. */
  readonly stateFolder: string;
  readonly keysFolder: string;
  readonly imagesFolder: string;
  readonly netboot: NetbootEndpoints;
  /** The lab boots its own image, whatever the drive says. */
  image(model: PoolModel): string;
  /** Appended to Xen's and Linux's command lines: the QEMU lab spares its emulated CPUs so. */
  readonly extraArguments?: () => { readonly xen: string; readonly kernel: string };
  /**
   * The lab's own file in place of one that a spec names: a golden image (by path or URL), a kernel, a ramdisk. Absent where
   * the drive's own are used.
   */
  standIn?(named: string): string;
  /** Time limit for one attempt of one host, where the drive's (`boot.timeout`) doesn't fit: a lab's machines boot in seconds. */
  readonly bootTimeoutMs?: number;
  /** Pause between waves of hosts that are switched on, where the drive's (`boot.wakePause`) doesn't fit. */
  readonly wakePauseMs?: number;
  /** Where magic packets for this host go, and the local address they leave from. */
  wake(host: HostModel): { readonly from: string; readonly to: readonly SocketAddress[] };
  ssh(host: HostModel): SocketAddress;
  /** Called once the boot server listens; a simulated network then leads there. */
  serving(ports: NetbootPorts): Promise<void>;
  /** Gives back what it opened. Lab machines end with it unless the lab was told to keep them. */
  close(): Promise<void>;
}

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}
