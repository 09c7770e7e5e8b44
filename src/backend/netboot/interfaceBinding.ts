/**
 * Binds a UDP socket to an interface (socket(7), SO_BINDTODEVICE), so that it hears nothing of the others. Node can't set that
 * option. A socket's options belong to the socket, not to the process: one that inherits the descriptor sets them for us, which
 * Linux allows to any user since 5.7.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readlink } from 'node:fs/promises';
import { type BoundAddress, socketInodes } from './portOwner';

/** SOL_SOCKET and SO_BINDTODEVICE, which have these numbers on x86 and on ARM. */
const [LEVEL, OPTION] = [1, 25];

/** Not among the standard three: libuv makes those block, which would be a property of the socket too. */
const INHERITED = 3;

/** perl is part of every Debian and Ubuntu, python3 of nearly every other Linux. The interface is the last argument. */
const SETTERS = [
  ['perl', '-e', `open(my $socket, "+<&=", ${INHERITED}) or die "$!\\n"; setsockopt($socket, ${LEVEL}, ${OPTION}, "$ARGV[0]\\0") or die "$!\\n"`],
  ['python3', '-c', `import socket, sys; socket.socket(fileno=${INHERITED}).setsockopt(${LEVEL}, ${OPTION}, sys.argv[1].encode() + b"\\0")`],
] as const;

/** The socket of this process that is bound at `at`. False where the system, or what is installed, can't do it. */
export async function bindToInterface(at: BoundAddress, name: string): Promise<boolean> {
  const descriptor = await ownDescriptor(at);
  if (descriptor === undefined) return false;
  for (const [command, ...args] of SETTERS) {
    if (await succeeds(command, [...args, name], descriptor)) return true;
  }
  return false;
}

/** dgram doesn't tell its socket's descriptor; the kernel does. */
async function ownDescriptor(at: BoundAddress): Promise<number | undefined> {
  const inodes = await socketInodes('udp', at);
  const folder = '/proc/self/fd';
  for (const descriptor of await readdir(folder).catch(() => [])) {
    // The descriptor that reads this very folder is gone by now.
    const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`${folder}/${descriptor}`).catch(() => ''))?.[1];
    if (inode !== undefined && inodes.has(inode)) return Number(descriptor);
  }
  return undefined;
}

async function succeeds(command: string, args: readonly string[], descriptor: number): Promise<boolean> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  } catch {
    // Not installed.
    return false;
  }
}
