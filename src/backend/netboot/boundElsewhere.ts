/**
 * Whether a port that is taken is taken on other interfaces alone (socket(7), SO_BINDTODEVICE), as libvirt's DHCP server takes
 * that of its own network. The two don't meet then, but Linux lets the second bind only if both say that they share the
 * address (SO_REUSEADDR), since ours is bound to its interface only afterwards.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BoundAddress } from './portOwner';

/** `name` is our interface. False where ss(8) isn't installed: the tables of proc(5) don't tell. */
export async function isBoundElsewhere({ address, port }: BoundAddress, name: string): Promise<boolean> {
  const sockets = (await udpSockets(port)).filter((socket) => ['0.0.0.0', '*', '[::]', address].includes(socket.address));
  return sockets.length > 0 && sockets.every((socket) => socket.interface !== undefined && socket.interface !== name);
}

async function udpSockets(port: number): Promise<readonly { readonly address: string; readonly interface: string | undefined }[]> {
  const child = spawn('ss', ['--udp', '--listening', '--numeric', '--no-header', `sport = :${port}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  let rows = '';
  child.stdout.on('data', (data: Buffer) => (rows += data.toString('latin1')));
  try {
    await once(child, 'close');
  } catch {
    return [];
  }
  // `STATE RECV-Q SEND-Q ADDRESS[%INTERFACE]:PORT PEER`
  return rows.split('\n').flatMap((row) => {
    const [, address = '', , device] = /^\S+\s+\d+\s+\d+\s+([^\s%]+?)(%([^\s:]+))?:\d+\s/.exec(row) ?? [];
    return address === '' ? [] : [{ address, interface: device }];
  });
}
