/** How many connections the HTTP server holds, in all and of one address, and how long for nothing. */

import http from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionOptions {
  /** For connections that come from a proxy, which all have its address. */
  readonly anyNumberOfOne: boolean;
  /** A client that takes longer to send its request holds a connection for nothing (slow loris). */
  readonly requestLimitMs?: number;
  /** A connection was closed unheard. */
  readonly onRefused: (why: 'connections' | 'connections-of-one') => void;
}

const REQUEST_LIMIT_MS = 20_000;
/** A connection on which nothing moves for so long is over; firmware and the initrd then ask for the rest. */
const STILL_LIMIT_MS = 120_000;
const KEEP_ALIVE_MS = 60_000;
/** The kernel asks a silent peer whether it is there: a machine that lost its power leaves half a connection behind. */
const PROBE_AFTER_MS = 30_000;
const LARGEST_HEADERS = 8 << 10;
const MOST_CONNECTIONS = 4_096;
/** A machine needs two. The lab's simulated hosts all have one address. */
const MOST_OF_ONE_ADDRESS = 256;

export function createBoundedServer({ anyNumberOfOne, requestLimitMs = REQUEST_LIMIT_MS, onRefused }: ConnectionOptions): http.Server {
  const server = http.createServer({
    headersTimeout: requestLimitMs,
    requestTimeout: requestLimitMs,
    connectionsCheckingInterval: requestLimitMs / 4,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: LARGEST_HEADERS,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = STILL_LIMIT_MS;
  server.on('drop', () => onRefused('connections'));
  const open = new Map<string, number>();
  // Before node:http's own listener, which would begin to read the request.
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (anyNumberOfOne || count <= MOST_OF_ONE_ADDRESS) return;
    onRefused('connections-of-one');
    socket.destroy();
  });
  return server;
}
