/** Which process holds a port, as far as Linux lets us see (proc(5)). Other systems: unknown. */

import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

export type Transport = 'udp' | 'tcp';

export interface PortOwner {
  readonly pid: number;
  /** The process's name as `ps` shows it. */
  readonly name: string;
}

/** Undefined where there is no /proc, and where the process belongs to a user whose descriptors we may not read. */
export async function findPortOwner(transport: Transport, port: number, procFolder = '/proc'): Promise<PortOwner | undefined> {
  const inodes = new Set<string>();
  for (const table of [transport, `${transport}6`]) {
    for (const inode of await socketInodes(path.join(procFolder, 'net', table), transport, port)) inodes.add(inode);
  }
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

/** Rows are `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; addresses end in `:PORT`, hex. */
async function socketInodes(table: string, transport: Transport, port: number): Promise<readonly string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await textOrNothing(table)).split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, local = '', , state = '', , , , , , inode = '0'] = row.trim().split(/\s+/);
    const holds = local.endsWith(suffix) && (transport === 'udp' || state === TCP_LISTEN);
    return holds && inode !== '0' ? [inode] : [];
  });
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
