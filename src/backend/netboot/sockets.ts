/** Opens and closes the boot server's sockets, and says in words why one can't be opened. */

import dgram from 'node:dgram';
import type net from 'node:net';
import { findPortOwner, type Transport } from './portOwner';

export interface ListenAddress {
  readonly address: string;
  /** 0 asks for a free one. */
  readonly port: number;
}

/** The boot server can't listen; the message says where, why, and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Opens a UDP socket; `service` names it in errors. Socket errors after that go to `onError`. */
export async function openUdp(service: string, at: ListenAddress, onError: (error: Error) => void): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type: 'udp4', lookup: literalAddress });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: at.address, port: at.port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    socket.close();
    throw await describeListenError(error, service, 'udp', at);
  }
  socket.on('error', onError);
  return socket;
}

/** All addresses here are numbers already; the resolver would let each packet sent wait for its turn. */
function literalAddress(address: string, _options: unknown, done: (error: null, address: string, family: number) => void): void {
  done(null, address, 4);
}

/**
 * Calls `take` with each datagram that can be answered. One from port 0 can't be (RFC 768: no reply is wanted), and Node
 * throws when it is tried.
 */
export function onDatagram(socket: dgram.Socket, take: (bytes: Buffer, source: dgram.RemoteInfo) => void): void {
  socket.on('message', (bytes, source) => {
    if (source.port !== 0) take(bytes, source);
  });
}

/** Lets `server` listen; `service` names it in errors. */
export async function openTcp(service: string, server: net.Server, at: ListenAddress): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: at.address, port: at.port, exclusive: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw await describeListenError(error, service, 'tcp', at);
  }
}

export function closeUdp(socket: dgram.Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

export function portOf(socket: dgram.Socket | net.Server): number {
  const address = socket.address();
  if (address === null || typeof address === 'string') throw new Error('a socket on a path has no port');
  return address.port;
}

async function describeListenError(error: unknown, service: string, transport: Transport, { address, port }: ListenAddress): Promise<Error> {
  if (!(error instanceof Error) || !('code' in error)) return new ListenError(`${service} can't listen: ${String(error)}`);
  const where = `${transport.toUpperCase()} port ${port} on ${address}`;
  switch (error.code) {
    case 'EADDRINUSE': {
      const owner = await findPortOwner(transport, port);
      const who = owner ? `taken by ${owner.name} (pid ${owner.pid})` : 'taken by another process';
      return new ListenError(`${service} needs ${where}, which is ${who}. Stop that process, then try again.`, { cause: error });
    }
    case 'EACCES':
      return new ListenError(`${service} needs ${where}, and ports below 1024 need privileges here. Run pxen as root.`, { cause: error });
    case 'EADDRNOTAVAIL':
      return new ListenError(
        `${service} can't listen on ${address}: no interface of this machine has this address. Give it to one (\`ip address add\`), or correct network.server in pxen.yaml.`,
        { cause: error },
      );
    default:
      return new ListenError(`${service} can't listen on ${where}: ${error.message}`, { cause: error });
  }
}
