/**
 * UUIDs and MAC addresses that follow from the drive's id and a VM's name: nothing has to be stored to keep them for ever,
 * and two drives never derive the same ones.
 */

import { createHash } from 'node:crypto';

/**
 * The VM's UUID: version 5 of RFC 9562 §5.5, with the drive's id as name space and the VM's name as name.
 * `driveId` is a UUID; throws a RangeError when it isn't.
 */
export function deriveVmUuid(driveId: string, vm: string): string {
  const bytes = createHash('sha1').update(uuidBytes(driveId)).update(vm, 'utf8').digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return formatUuid(bytes);
}

/**
 * The MAC address of a VM's network card, in the range that Xen's guests use (00:16:3e, xl-network-configuration(5)).
 * It leaves 24 bits: with 600 cards the odds of two alike are about 1 %, so the reader of the drive checks for it.
 */
export function deriveNicMac(driveId: string, vm: string, index: number): string {
  // The separator can't occur in a VM's name: no two (name, index) pairs are the same text.
  const digest = createHash('sha256').update(uuidBytes(driveId)).update(`nic\0${vm}\0${index}`, 'utf8').digest();
  return [0x00, 0x16, 0x3e, ...digest.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** A version 4 UUID (RFC 9562 §5.4) of 16 random bytes. */
export function randomUuid(random: (size: number) => Buffer): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return formatUuid(bytes);
}

/** Whether a text is a UUID in the usual notation. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}

function uuidBytes(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new RangeError(`"${uuid}" isn't a UUID`);
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
