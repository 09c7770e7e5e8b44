/** Which process holds a port, as far as Linux lets us see (proc(5)). Other systems: unknown. */

import { readdir, readFile, readlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ipv4Bytes } from './ipv4';

export type Transport = 'udp' | 'tcp';

export interface PortOwner {
  readonly pid: number;
  /** The process's name as `ps` shows it. */
  readonly name: string;
}

export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Who stands in the way of binding there: a socket on the same address and port, or on the port of all addresses. Undefined
 * where there is no /proc, and where the process belongs to a user whose descriptors we may not read.
 */
export async function findPortOwner(transport: Transport, at: BoundAddress, procFolder = '/proc'): Promise<PortOwner | undefined> {
  const inodes = await socketInodes(transport, at, procFolder);
  if (inodes.size === 0) return undefined;
  for (const entry of await listOrNothing(procFolder)) {
    if (!/^\d+$/.test(entry)) continue;
    const descriptors = path.join(procFolder, entry, 'fd');
    for (const descriptor of await listOrNothing(descriptors)) {
      const inode = /^socket:\[(\d+)\]$/.exec(await linkOrNothing(path.join(descriptors, descriptor)))?.[1];
      if (inode !== undefined && inodes.has(inode)) {
        return { pid: Number(entry), name: (await textOrNothing(path.join(procFolder, entry, 'comm'))).trim() };
      }
    }
  }
  return undefined;
}

const TCP_LISTEN = '0A';
/** 0.0.0.0 and ::, as the tables write them. */
const EVERY_ADDRESS: readonly string[] = ['0'.repeat(8), '0'.repeat(32)];

/** Inodes of the sockets that a bind there would meet. */
export async function socketInodes(transport: Transport, { address, port }: BoundAddress, procFolder = '/proc'): Promise<ReadonlySet<string>> {
  const addresses = [...EVERY_ADDRESS, ...tableAddresses(address)];
  const portHex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of [transport, `${transport}6`]) {
    // Rows are `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; addresses end in `:PORT`, hex.
    for (const row of (await textOrNothing(path.join(procFolder, 'net', table))).split('\n').slice(1)) {
      const [, local = '', , state = '', , , , , , inode = '0'] = row.trim().split(/\s+/);
      const [at = '', localPort] = local.split(':');
      const holds = localPort === portHex && addresses.includes(at) && (transport === 'udp' || state === TCP_LISTEN);
      if (holds && inode !== '0') inodes.add(inode);
    }
  }
  return inodes;
}

/** An IPv4 address in the tables of IPv4 and, mapped, of IPv6: 32-bit words in the machine's own order of bytes. */
function tableAddresses(address: string): readonly string[] {
  const inOrder = (word: readonly number[]) => (os.endianness() === 'LE' ? [...word].reverse() : word);
  const word = (bytes: readonly number[]) => inOrder(bytes).map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
  const v4 = word([...ipv4Bytes(address)]);
  return [v4, `${'0'.repeat(16)}${word([0, 0, 0xff, 0xff])}${v4}`];
}

// Processes end while we look, and others' folders are closed to us: neither is an error here.
async function listOrNothing(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function linkOrNothing(link: string): Promise<string> {
  return readlink(link).catch(() => '');
}

async function textOrNothing(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
