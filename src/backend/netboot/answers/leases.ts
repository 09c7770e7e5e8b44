/** Which address of the range a stranger gets. Pure: what is lent comes in, what changes goes out. */

import type { AddressRangeModel } from '../../drive/model';
import { formatIpv4, parseIpv4 } from '../ipv4';

export interface Lease {
  readonly address: string;
  /** Whose it is, or was last. */
  readonly mac: string;
  /** `offered`: held for a moment for the machine to take. `avoided`: another machine was found to have it. */
  readonly state: 'offered' | 'lent' | 'avoided';
  /** Milliseconds since the epoch. What is past belongs to nobody, but goes first to the one that had it. */
  readonly untilMs: number;
}

/** What is known of the range. */
export interface Leases {
  ofMac(mac: string): Lease | undefined;
  ofAddress(address: string): Lease | undefined;
}

/** What an answer does to the range. */
export type LeaseChange =
  /** `isNew`: the machine doesn't hold the address already, so that nobody else may be using it has to be shown first. */
  | (Lease & { readonly state: 'offered' | 'lent'; readonly isNew: boolean })
  | (Lease & { readonly state: 'avoided' })
  | { readonly state: 'free'; readonly address: string; readonly mac: string };

/** Long enough to send the request for it, short for those who never do. */
export const OFFER_HELD_MS = 30_000;

/** Another machine has the address without our having lent it: it may keep it for a while. */
export const AVOIDED_MS = 3_600_000;

/**
 * The address this machine holds or had last, else the one it wishes, else the first free one from a place that follows
 * from its MAC: a server that lost its memory, or a second one with a copy of the drive, then mostly gives the same.
 * Undefined when all are taken.
 */
export function addressFor(range: AddressRangeModel, leases: Leases, mac: string, nowMs: number, wished?: string): string | undefined {
  const held = leases.ofMac(mac);
  for (const address of [held?.address, wished]) {
    if (address !== undefined && inRange(range, address) && isFreeFor(leases.ofAddress(address), mac, nowMs)) return address;
  }
  const { from, size } = bounds(range);
  const start = hash(mac) % size;
  for (let step = 0; step < size; step += 1) {
    const address = formatIpv4(from + ((start + step) % size));
    if (isFreeFor(leases.ofAddress(address), mac, nowMs)) return address;
  }
  return undefined;
}

export function isFreeFor(lease: Lease | undefined, mac: string, nowMs: number): boolean {
  if (lease === undefined || lease.untilMs <= nowMs) return true;
  return lease.mac === mac && lease.state !== 'avoided';
}

export function inRange(range: AddressRangeModel, address: string): boolean {
  const value = parseIpv4(address);
  const { from, size } = bounds(range);
  return value !== undefined && value >= from && value < from + size;
}

export function sizeOf(range: AddressRangeModel): number {
  return bounds(range).size;
}

function bounds(range: AddressRangeModel): { readonly from: number; readonly size: number } {
  const from = parseIpv4(range.from) ?? 0;
  return { from, size: (parseIpv4(range.to) ?? from) - from + 1 };
}

/** FNV-1a, 32 bits: MACs of one maker differ in their last octets only, and are spread all the same. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return value;
}
