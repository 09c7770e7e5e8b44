/**
 * Which machine on the network has an address, by its MAC. Without a raw socket the system's own ARP can be used: a datagram
 * to the address makes the kernel ask for it, and Linux shows what it learned in /proc/net/arp (proc(5)).
 */

import dgram from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { delay, type Clock } from '../system';

export interface Neighbour {
  /** Lower case with colons. */
  readonly mac: string;
  /** The system knew it before it was asked, and may not know yet that the machine has gone. */
  readonly isRemembered: boolean;
}

/** Resolves with undefined when nobody answers in time, or the system doesn't tell. */
export type FindNeighbour = (address: string, limitMs: number) => Promise<Neighbour | undefined>;

/** Linux believes what it heard for so long before it wishes to ask anew (arp(7), base_reachable_time: up to half more than 30 s)... */
export const BELIEVED_MS = 45_000;
/** ...which it does only when it has something to send; who doesn't answer is forgotten so soon (delay_first_probe_time, ucast_solicit). */
export const FORGOTTEN_MS = 9_000;

/** RFC 863: whoever listens there throws it away. */
const DISCARD_PORT = 9;
const LOOK_EVERY_MS = 25;

/** `from` is our own address on the network: the question leaves by its interface. */
export function neighbourFinder(from: string, clock: Clock, table = '/proc/net/arp'): FindNeighbour {
  return async (address, limitMs) => {
    const end = clock.now() + limitMs;
    const look = async () => neighbourIn(await readFile(table, 'latin1').catch(() => ''), address);
    const remembered = await look();
    await poke(from, address);
    if (remembered !== undefined) return { mac: remembered, isRemembered: true };
    for (;;) {
      const mac = await look();
      if (mac !== undefined) return { mac, isRemembered: false };
      if (clock.now() >= end) return undefined;
      await delay(clock, LOOK_EVERY_MS);
    }
  };
}

/** The MAC in a row of the table. Rows are `IP address, HW type, flags, HW address, mask, device`; the flag 2 says that the entry is complete. */
export function neighbourIn(table: string, address: string): string | undefined {
  for (const row of table.split('\n').slice(1)) {
    const [ip, , flags = '', mac = ''] = row.split(/\s+/);
    if (ip === address && (Number(flags) & 2) !== 0 && mac !== '00:00:00:00:00:00') return mac.toLowerCase();
  }
  return undefined;
}

/** That it can't be sent, or is refused, says nothing: the table does. */
function poke(from: string, address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const end = () => socket.close(() => resolve());
    socket.once('error', end);
    socket.bind({ address: from }, () => {
      socket.off('error', end);
      socket.on('error', () => undefined);
      socket.send(Buffer.alloc(1), DISCARD_PORT, address, end);
    });
  });
}
