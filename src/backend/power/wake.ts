/** Switching a host on. */

import dgram from 'node:dgram';
import type { HostModel, NetworkModel } from '../drive/model';
import { LIMITED_BROADCAST, parseSubnet } from '../netboot/ipv4';
import { delay, type Clock, type Log } from '../system';
import { encodeMagicPacket } from './magicPacket';

export interface WakeTarget {
  readonly address: string;
  readonly port: number;
}

export interface WakeRequest {
  readonly host: HostModel;
  /** Local address the packets leave from, so that they take the pool's interface and not the default route. */
  readonly from: string;
  readonly to: readonly WakeTarget[];
  readonly clock: Clock;
  /** Told of targets that no packet could be sent to while others were reached. */
  readonly log: Log;
  readonly signal?: AbortSignal;
}

/** The host wasn't woken; the message says why and what to do. */
export class WakeError extends Error {
  override readonly name = 'WakeError';
}

/** A card may miss a packet while its link comes up, and nothing tells us. */
const TIMES = 3;
const SPACING_MS = 100;

/**
 * Sends the magic packet three times to every target. Resolves when all have left; that says nothing of the machine,
 * which shows itself by DHCP. Rejects with a {@link WakeError} when no target could be reached, or when the spec asks for
 * another way of waking than `wol`; one that couldn't while another could is a warning.
 */
export async function wakeHost({ host, from, to, clock, log, signal }: WakeRequest): Promise<void> {
  if (host.wake.method !== 'wol') {
    throw new WakeError(
      `${host.name} can't be switched on by PXEN: wake method "${host.wake.method}" is not supported in this version. Use "wol", or switch it on by hand.`,
    );
  }
  const packet = magicPacketOf(host, host.wake.password);
  const socket = await openSender(host, from);
  const reached = new Set<string>();
  let failures: readonly SendFailure[] = [];
  try {
    for (let time = 1; time <= TIMES; time += 1) {
      if (time > 1) await delay(clock, SPACING_MS, signal);
      failures = await sendAll(socket, packet, to);
      if (failures.length === to.length) {
        throw new WakeError(`${host.name}: no magic packet could be sent from ${from}: ${inWords(failures)}. Is the interface up?`);
      }
      for (const { address } of to) if (!failures.some((failure) => failure.address === address)) reached.add(address);
    }
  } finally {
    socket.close();
  }
  const unreached = failures.filter(({ address }) => !reached.has(address));
  if (unreached.length > 0) log('warn', `${host.name}: magic packets left ${from} for ${[...reached].join(', ')} only; ${inWords(unreached)}.`);
}

/** Where a host's magic packets go by its spec: the broadcast address it names, or the subnet's and the limited one. */
export function wakeTargets(host: HostModel, network: NetworkModel): readonly WakeTarget[] {
  if (host.wake.method !== 'wol') return [];
  const { broadcast, port } = host.wake;
  const addresses = broadcast === undefined ? [parseSubnet(network.subnet).broadcast, LIMITED_BROADCAST] : [broadcast];
  return addresses.map((address) => ({ address, port }));
}

function magicPacketOf(host: HostModel, password: string | undefined): Buffer {
  try {
    return encodeMagicPacket(host.macs[0], password);
  } catch (error) {
    if (error instanceof RangeError) throw new WakeError(`${host.name}: ${error.message}`);
    throw error;
  }
}

function openSender(host: HostModel, from: string): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(new WakeError(`${host.name}: magic packets can't be sent from ${from}: ${error.message}. Does an interface of this machine have that address?`));
    });
    socket.bind({ address: from, port: 0 }, () => {
      socket.removeAllListeners('error');
      socket.setBroadcast(true);
      resolve(socket);
    });
  });
}

interface SendFailure {
  readonly address: string;
  readonly reason: string;
}

function inWords(failures: readonly SendFailure[]): string {
  return failures.map(({ address, reason }) => `${address}: ${reason}`).join('; ');
}

async function sendAll(socket: dgram.Socket, packet: Buffer, to: readonly WakeTarget[]): Promise<readonly SendFailure[]> {
  const failures = await Promise.all(
    to.map(
      ({ address, port }) =>
        new Promise<SendFailure | undefined>((resolve) =>
          socket.send(packet, port, address, (error) => resolve(error ? { address, reason: error.message } : undefined)),
        ),
    ),
  );
  return failures.filter((failure) => failure !== undefined);
}
