/** Claims a drive for this process and answers whoever connects to it meanwhile. */

import { StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import type { PoolEvent, PoolTarget } from '../../protocol';
import type { Clock, Log } from '../system';
import { type Claim, claimPool } from './claim';
import { type BackendHandlers, type ServedConnection, serveConnection } from './rpc';

export interface ReachableOptions {
  readonly stateFolder: string;
  readonly target: PoolTarget;
  readonly clock: Clock;
  readonly handlers: BackendHandlers;
  /** Each connection hears the events until the returned function is called. */
  readonly subscribe: (listener: (event: PoolEvent) => void) => () => void;
  readonly log: Log;
}

/** Rejects with a `PoolError` while another backend has the drive. Releasing lets requests under way be answered first. */
export async function claimReachably({ stateFolder, target, clock, handlers, subscribe, log }: ReachableOptions): Promise<Claim> {
  const connections = new Set<ServedConnection>();
  const claim = await claimPool({
    stateFolder,
    target,
    clock,
    onConnection: (socket) => {
      const connection = serveConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket), handlers, log);
      const unsubscribe = subscribe((event) => connection.notify(event));
      connections.add(connection);
      void connection.closed.then(() => {
        connections.delete(connection);
        unsubscribe();
        socket.end();
      });
    },
  });
  return {
    release: async () => {
      const released = claim.release();
      await Promise.all([...connections].map((connection) => connection.end()));
      await released;
    },
  };
}
