/** A host's way up: how long each step may take, how far it is, and what to say when it ends there. */

import type { HostState } from '../../../protocol';
import type { Trouble } from './events';

/** The steps that end by a time limit. */
export type TimedStep = Exclude<HostState, 'off' | 'ready' | 'failed'>;

export interface StepLimits {
  readonly attemptMs: number;
  readonly probeMs: number;
  readonly steps: Readonly<Record<TimedStep, number>>;
}

/**
 * Shares of `cluster.boot.timeout`, so that one number makes room for a slow machine. They add up to more than one: each
 * step may be slow, the whole attempt may not. Server firmware can take minutes before its first packet.
 */
const SHARE: Readonly<Record<TimedStep, number>> = {
  waking: 0.5,
  dhcp: 0.2,
  bootloader: 0.2,
  kernel: 0.4,
  root: 0.4,
  hello: 0.3,
  ssh: 0.2,
  arrays: 0.4,
};

/** A host that is up answers within seconds, an emulated one within ten. */
const PROBE_MS = 15_000;

/** How long a host may take to list its domains. */
export const LISTING_MS = 30_000;

/** Limits for one attempt that may take `timeoutMs`. */
export function stepLimits(timeoutMs: number): StepLimits {
  const limit = (step: TimedStep) => Math.round(timeoutMs * SHARE[step]);
  return {
    attemptMs: timeoutMs,
    probeMs: Math.min(PROBE_MS, Math.round(timeoutMs / 4)),
    steps: {
      waking: limit('waking'),
      dhcp: limit('dhcp'),
      bootloader: limit('bootloader'),
      kernel: limit('kernel'),
      root: limit('root'),
      hello: limit('hello'),
      ssh: limit('ssh'),
      arrays: limit('arrays'),
    },
  };
}

const ORDER: readonly HostState[] = ['off', 'waking', 'dhcp', 'bootloader', 'kernel', 'root', 'hello', 'ssh', 'arrays', 'ready'];

/** Whether `state` comes before `other` on the way up; a failed host is before everything. */
export function isBefore(state: HostState, other: HostState): boolean {
  return ORDER.indexOf(state) < ORDER.indexOf(other);
}

/** Where each step begins; a download moves on towards the next one. */
const PERCENT: Readonly<Record<HostState, number>> = {
  off: 0,
  failed: 0,
  waking: 5,
  dhcp: 15,
  bootloader: 25,
  kernel: 30,
  root: 50,
  hello: 75,
  ssh: 80,
  arrays: 88,
  ready: 100,
};

/** `fraction` of the step's download, 0…1. */
export function percentOf(state: HostState, fraction: number): number {
  const next = ORDER[ORDER.indexOf(state) + 1];
  if (next === undefined || (state !== 'kernel' && state !== 'root')) return PERCENT[state];
  return Math.floor(PERCENT[state] + (PERCENT[next] - PERCENT[state]) * Math.min(1, Math.max(0, fraction)));
}

export interface Failure {
  readonly cause: string;
  readonly remedy: string;
}

export interface StuckHost {
  readonly name: string;
  readonly mac: string;
  readonly address: string;
  readonly wakes: number;
  readonly wakeMethod: string;
  /** For how long, in words. */
  readonly waited: string;
  readonly trouble: Trouble | undefined;
}

/** Why a host came no further than `step`, and what the administrator could do. */
export function failureAt(step: TimedStep, host: StuckHost): Failure {
  switch (step) {
    case 'waking':
      return {
        cause: `${host.name} didn't show itself within ${host.waited}, after ${calls(host)}${because(host)}`,
        remedy: host.trouble?.remedy ?? `Check its power and network cable, that its firmware allows Wake-on-LAN and network boot, and that ${host.mac} is the MAC address of the port it boots from; or press its power button. If it runs another system, switch it off first.`,
      };
    case 'dhcp':
      return {
        cause: `${host.name} asked for an address but fetched no boot program within ${host.waited}`,
        remedy: 'Look for a second DHCP server on this network, and for a firewall between the host and the boot server (UDP 67, 69, 4011).',
      };
    case 'bootloader':
      return {
        cause: `${host.name} loaded its boot program but asked for no kernel within ${host.waited}`,
        remedy: "Look at its screen: the boot program says there what it can't reach. The boot server's HTTP port must be open to it.",
      };
    case 'kernel':
      return {
        cause: `${host.name} fetched Xen and its kernel, but the kernel asked for nothing within ${host.waited}`,
        remedy: 'Look at its screen or serial console. A network card without a driver in the image and a Xen that refuses the machine both end here.',
      };
    case 'root':
      return {
        cause: `${host.name} got no further with its root image for ${host.waited}`,
        remedy: 'Check cable and switch; `pxen serve` on the same drive shows every request.',
      };
    case 'hello':
      return {
        cause: `${host.name} has its root image but didn't say hello within ${host.waited}`,
        remedy: 'Look at its screen or serial console for what failed while dom0 started; a damaged memory shows here as a wrong checksum.',
      };
    case 'ssh':
      return {
        cause: `${host.name} said hello, but ssh to ${host.address} failed for ${host.waited}${because(host)}`,
        remedy: host.trouble?.remedy ?? `Check that nothing else has the address ${host.address}, and that port 22 is open between the boot server and the host.`,
      };
    case 'arrays':
      return {
        cause: host.trouble?.reason ?? `${host.name} didn't finish bringing up its arrays within ${host.waited}`,
        remedy: host.trouble?.remedy ?? `Log in (ssh root@${host.address}) and look at /proc/mdstat and dmesg: a dying disk makes an array wait.`,
      };
  }
}

function because({ trouble }: StuckHost): string {
  return trouble === undefined ? '' : ` (${trouble.reason})`;
}

function calls(host: StuckHost): string {
  if (host.wakeMethod !== 'wol') return `${host.wakes} × ${host.wakeMethod}`;
  return host.wakes === 1 ? '1 magic packet' : `${host.wakes} magic packets`;
}

/** `90000` → `90 s`, `600000` → `10 min`. */
export function inWords(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
}
