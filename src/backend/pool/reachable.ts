/** Claims a drive for this process and answers whoever connects to it meanwhile. */

import type { Socket } from 'node:net';
import type { PoolEvent, PoolTarget } from '../../protocol';
import type { Clock, Log } from '../system';
import { type Claim, claimPool } from './claim';
import type { BackendHandlers, ServedConnection } from './rpc';

export interface ReachableOptions {
  readonly stateFolder: string;
  readonly target: PoolTarget;
  readonly clock: Clock;
  readonly handlers: BackendHandlers;
  /** Each connection hears the events until the returned function is called. */
  readonly subscribe: (listener: (event: PoolEvent) => void) => () => void;
  readonly log: Log;
}

/**
 * What answers those who connect. It takes as long to load as the first machines wait for a boot server: `pxen serve` loads it after that, or when
 * somebody connects.
 */
export const loadRpc = () => import('./rpc');

/** Rejects with a `PoolError` while another backend has the drive. Releasing lets requests under way be answered first. */
export async function claimReachably({ stateFolder, target, clock, handlers, subscribe, log }: ReachableOptions): Promise<Claim> {
  const connections = new Set<ServedConnection>();
  let isReleased = false;
  const serve = async (socket: Socket) => {
    const { serveSocket } = await loadRpc();
    // Who only looks whether anybody is here has hung up meanwhile.
    if (isReleased || socket.destroyed) {
      socket.destroy();
      return;
    }
    const connection = serveSocket(socket, handlers, log);
    const unsubscribe = subscribe((event) => connection.notify(event));
    connections.add(connection);
    await connection.closed;
    connections.delete(connection);
    unsubscribe();
    socket.end();
  };
  const claim = await claimPool({ stateFolder, target, clock, onConnection: (socket) => void serve(socket).catch((error: unknown) => {
    log('warn', `Whoever connected to this backend gets no answer: ${String(error)}`);
    socket.destroy();
  }) });
  return {
    release: async () => {
      isReleased = true;
      const released = claim.release();
      await Promise.all([...connections].map((connection) => connection.end()));
      await released;
    },
  };
}
