/**
 * Binds UDP sockets to an interface (socket(7), SO_BINDTODEVICE), so that they hear nothing of the others. Node can't set that
 * option. A socket's options belong to the socket, not to the process: one that inherits the descriptors sets them for us, which
 * Linux allows to any user since 5.7.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Clock } from '../system';
import { machineInterfaces } from './machineInterfaces';
import { type BoundAddress, socketInodes } from './portOwner';

/** SOL_SOCKET and SO_BINDTODEVICE, which have these numbers on x86 and on ARM. */
const [LEVEL, OPTION] = [1, 25];

/** The first one. Not among the standard three: libuv makes those block, which would be a property of the socket too. */
const INHERITED = 3;

/** perl is part of every Debian and Ubuntu, python3 of nearly every other Linux. Arguments: the interface, and the last descriptor. */
const SETTERS = [
  ['perl', '-e', `for my $fd (${INHERITED} .. $ARGV[1]) { open(my $socket, "+<&=", $fd) or die "$!\\n"; setsockopt($socket, ${LEVEL}, ${OPTION}, "$ARGV[0]\\0") or die "$!\\n" }`],
  ['python3', '-c', `import socket, sys; [socket.socket(fileno=fd).setsockopt(${LEVEL}, ${OPTION}, sys.argv[1].encode() + b"\\0") for fd in range(${INHERITED}, int(sys.argv[2]) + 1)]`],
] as const;

export interface HearingOptions {
  readonly at: readonly BoundAddress[];
  /** The interface's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly onTrouble: (sentence: string) => void;
}

/** An adapter that is pulled out and put back is a new one to the kernel, and the socket is bound to the old. */
const LOOK_EVERY_MS = 10_000;

/**
 * Binds the sockets of DHCP at `at` and watches that they stay with the interface. Where they can't be bound, that is told if there
 * are other interfaces; it is no harm, since answers leave by this one alone. The returned function ends the watch.
 */
export async function hearOnly({ at, name, clock, onTrouble }: HearingOptions): Promise<() => void> {
  let index = await indexOf(name);
  if (!(await bindToInterface(at, name))) {
    const networks = Object.values(machineInterfaces()).filter((addresses) => addresses?.some(({ family, internal }) => family === 'IPv4' && !internal));
    if (networks.length > 1) onTrouble(`DHCP requests on this machine's other interfaces are heard too: the sockets can't be bound to ${name}, for which perl or python3 is needed. Answers leave by ${name} alone.`);
    return () => undefined;
  }
  let cancel: () => void = () => undefined;
  const look = async () => {
    const now = await indexOf(name);
    if (now !== undefined && now !== index) {
      index = now;
      // Only root may bind again what is bound (socket(7)).
      if (!(await bindToInterface(at, name))) onTrouble(`${name} was taken out and put back, and its DHCP requests aren't heard any more. Stop the boot server and start it again.`);
    }
    schedule();
  };
  let ended = false;
  const schedule = () => {
    if (!ended) cancel = clock.after(LOOK_EVERY_MS, () => void look());
  };
  schedule();
  return () => {
    ended = true;
    cancel();
  };
}

async function indexOf(name: string): Promise<number | undefined> {
  const text = await readFile(`/sys/class/net/${name}/ifindex`, 'utf8').catch(() => '');
  return Number.parseInt(text, 10) || undefined;
}

/** The sockets of this process that are bound at `at`. False where the system, or what is installed, can't do it. */
export async function bindToInterface(at: readonly BoundAddress[], name: string): Promise<boolean> {
  const descriptors = (await Promise.all(at.map(ownDescriptor))).filter((descriptor) => descriptor !== undefined);
  if (descriptors.length < at.length) return false;
  for (const [command, ...args] of SETTERS) {
    if (await succeeds(command, [...args, name, String(INHERITED + descriptors.length - 1)], descriptors)) return true;
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

async function succeeds(command: string, args: readonly string[], descriptors: readonly number[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', ...descriptors] });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  } catch {
    // Not installed.
    return false;
  }
}
