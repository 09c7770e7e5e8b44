/** Opens and closes the boot server's sockets, and says in words why one can't be opened. */

import dgram from 'node:dgram';
import type net from 'node:net';
import { isBoundElsewhere } from './boundElsewhere';
import { addressNotHere, cantListen, ListenError, portKeptForRoot, portTaken, type WhatListens } from './listenError';
import { type PortHelper, PortProblemError } from './portHelper/ask';
import { findPortOwner } from './portOwner';

export interface ListenAddress {
  readonly address: string;
  /** 0 asks for a free one. */
  readonly port: number;
  /** Where datagrams are to be heard, if the socket is bound to it afterwards: whoever has the port elsewhere isn't in the way. */
  readonly interface?: string | undefined;
  /** Asked for the port when the system keeps it from us; absent: that is an error. */
  readonly helper?: PortHelper | undefined;
}

/** Opens a UDP socket; `service` names it in errors, which are `ListenError`s. Socket errors after that go to `onError`. */
export async function openUdp(service: string, at: ListenAddress, onError: (error: Error) => void): Promise<dgram.Socket> {
  const { address, port } = at;
  try {
    const socket = await bindUdp(at, false).catch(async (error: unknown) => {
      if (at.interface === undefined || !hasCode(error, 'EADDRINUSE') || !(await isBoundElsewhere(at, at.interface))) throw error;
      return bindUdp(at, true);
    });
    socket.on('error', onError);
    return socket;
  } catch (error) {
    throw await describeListenError(error, { service, transport: 'udp', address, port });
  }
}

async function bindUdp({ address, port, helper }: ListenAddress, isShared: boolean): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type: 'udp4', lookup: literalAddress, reuseAddr: isShared });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return socket;
  } catch (error) {
    socket.close();
    if (helper && hasCode(error, 'EACCES')) return helper.udp({ address, port, isShared });
    throw error;
  }
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

/** Lets `server` listen; `service` names it in errors, which are `ListenError`s. */
export async function openTcp(service: string, server: net.Server, { address, port, helper }: ListenAddress): Promise<void> {
  try {
    await listen(server, { host: address, port, exclusive: true }).catch(async (error: unknown) => {
      if (!helper || !hasCode(error, 'EACCES')) throw error;
      // Another server object on the same socket: only the last one to listen hears of connections.
      await listen(server, await helper.tcp({ address, port }));
    });
  } catch (error) {
    throw await describeListenError(error, { service, transport: 'tcp', address, port });
  }
}

function listen(server: net.Server, on: net.ListenOptions | net.Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(on, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

export function closeUdp(socket: dgram.Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

export function portOf(socket: dgram.Socket | net.Server): number {
  const address = socket.address();
  if (address === null || typeof address === 'string') throw new Error('a socket on a path has no port');
  return address.port;
}

async function describeListenError(error: unknown, what: WhatListens): Promise<ListenError> {
  if (error instanceof ListenError) return error;
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return portTaken(what, error instanceof PortProblemError ? error.problem.owner : await findPortOwner(what.transport, what), error);
    case 'EACCES':
      return portKeptForRoot(what, error);
    case 'EADDRNOTAVAIL':
      return addressNotHere(what, error);
    default:
      return cantListen(what, error);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
