/** A server's end and a client's end of a network cable, each in a namespace of its own. Needs root and iproute2. */

import { type Owner, run, until } from './processes';

export interface Lane {
  /** Put before a command, it runs at that end. */
  readonly server: readonly string[];
  readonly client: readonly string[];
}

export const SERVER = '10.77.0.1';
export const CLIENT = '10.77.255.253';
/** The server's interface. */
export const INTERFACE = 'wire';

export async function openLane(owner: Owner, name: string): Promise<Lane> {
  const [server, client] = [`pxen-${process.pid}-${name}-s`, `pxen-${process.pid}-${name}-c`];
  for (const namespace of [server, client]) {
    await run('ip', ['netns', 'add', namespace]);
    owner.onEnd(() => run('ip', ['netns', 'delete', namespace]));
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  }
  await run('ip', ['-n', server, 'link', 'add', INTERFACE, 'type', 'veth', 'peer', 'name', INTERFACE, 'netns', client]);
  for (const [namespace, address] of [[server, SERVER], [client, CLIENT]] as const) {
    await run('ip', ['-n', namespace, 'address', 'add', `${address}/16`, 'dev', INTERFACE]);
    await run('ip', ['-n', namespace, 'link', 'set', INTERFACE, 'up']);
  }
  await until(async () => (await run('ip', ['-n', server, 'link', 'show', INTERFACE])).includes('LOWER_UP'), 'the cable');
  return { server: ['ip', 'netns', 'exec', server], client: ['ip', 'netns', 'exec', client] };
}
