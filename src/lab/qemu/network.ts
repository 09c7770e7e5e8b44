/** The lab's network, inside its namespace: a bridge that holds the boot server's address, and a tap for each machine. */

import { runCommand } from '../../backend/image/command';
import type { HostModel, NetworkModel } from '../../backend/drive/model';

export const LAB_BRIDGE = 'pxen0';

/** Name of the tap of the host at this place of the model's list; interface names hold no more than 15 characters. */
export function tapName(index: number): string {
  return `tap${index}`;
}

/**
 * Makes bridge and taps. They end with the namespace. `network.interface`, if the drive names one, becomes the bridge's name,
 * so that the drive means the same here as outside.
 */
export async function makeLabNetwork(network: NetworkModel, hosts: readonly HostModel[], signal: AbortSignal): Promise<{ readonly bridge: string }> {
  const bridge = network.interface ?? LAB_BRIDGE;
  const prefix = network.subnet.split('/')[1] ?? '24';
  const ip = (...words: readonly string[]) => runCommand('ip', words, { signal });
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0');
  // A bridge whose taps are all down has no carrier and drops packets, the magic ones too: one port is always up.
  await ip('link', 'add', 'pxenport', 'type', 'veth', 'peer', 'name', 'pxenpeer');
  await ip('link', 'set', 'pxenpeer', 'up');
  await ip('link', 'set', 'pxenport', 'master', bridge, 'up');
  await ip('address', 'add', `${network.server}/${prefix}`, 'brd', '+', 'dev', bridge);
  await ip('link', 'set', bridge, 'up');
  for (const index of hosts.keys()) {
    await ip('tuntap', 'add', tapName(index), 'mode', 'tap');
    await ip('link', 'set', tapName(index), 'master', bridge, 'up');
  }
  return { bridge };
}
