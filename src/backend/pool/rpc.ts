/** JSON-RPC between a backend and those who give it orders: LSP's framing, the methods of `BackendRequests`. */

import type { Socket } from 'node:net';
import {
  CancellationTokenSource,
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  type CancellationToken,
  type MessageConnection,
  type MessageReader,
  type MessageWriter,
} from 'vscode-jsonrpc/node';
import type { BackendErrorData, BackendNotifications, BackendRecord, BackendRequests, PoolEvent } from '../../protocol';
import { OtherDhcpServerError } from '../netboot/dhcp/beside';
import { ListenError } from '../netboot/listenError';
import type { Clock, Log } from '../system';
import { connectTo } from './claim';

/** What a backend does for those who are connected to it. */
export type BackendHandlers = {
  readonly [Method in keyof BackendRequests]: (params: BackendRequests[Method]['params'], signal: AbortSignal) => Promise<BackendRequests[Method]['result']>;
};

export interface ServedConnection {
  notify(event: PoolEvent): void;
  /** Resolves when the other side is gone, or after `end`. */
  readonly closed: Promise<void>;
  /** Waits for the answers of requests under way, then ends. */
  end(): Promise<void>;
}

/** LSP 3.17, `ErrorCodes`. */
const REQUEST_CANCELLED = -32800;
const REQUEST_FAILED = -32803;

/** As `serveConnection`, over a socket that stays its owner's to close. */
export function serveSocket(socket: Socket, handlers: BackendHandlers, log: Log): ServedConnection {
  return serveConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket), handlers, log);
}

/** Answers requests from one connection. When it goes away its requests are cancelled, unless the backend is to outlive it. */
export function serveConnection(reader: MessageReader, writer: MessageWriter, handlers: BackendHandlers, log: Log, { outlives } = { outlives: false }): ServedConnection {
  const connection = createMessageConnection(reader, writer);
  const gone = new AbortController();
  const unwanted = outlives ? new AbortController().signal : gone.signal;
  const answering = new Set<Promise<unknown>>();
  let over: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    over = resolve;
  });
  const finish = () => {
    gone.abort(new Error('whoever asked for this is gone'));
    over();
  };
  connection.onClose(finish);
  connection.onError(([error]) => {
    log('debug', `A connection to this backend broke: ${error.message}`);
    finish();
  });

  const answer = <Method extends keyof BackendRequests>(method: Method, handler: BackendHandlers[Method]) => {
    connection.onRequest(method, (params: BackendRequests[Method]['params'], token: CancellationToken) => {
      const work = abortable(token, unwanted, (signal) => handler(params, signal));
      const settled = work.then(
        () => undefined,
        () => undefined,
      );
      answering.add(settled);
      void settled.then(() => answering.delete(settled));
      return work;
    });
  };
  answer('pool/boot', handlers['pool/boot']);
  answer('pool/status', handlers['pool/status']);
  answer('pool/down', handlers['pool/down']);
  answer('pool/wake', handlers['pool/wake']);
  answer('backend/stop', handlers['backend/stop']);
  connection.listen();

  return {
    closed,
    notify: (event) => {
      if (gone.signal.aborted) return;
      tell(connection, event).catch((error: unknown) => {
        log('debug', `An event didn't reach its reader: ${String(error)}`);
      });
    },
    end: async () => {
      await Promise.all(answering);
      // The answers are written in the turn after their handlers end; `end` on the writer's stream sends what is buffered.
      await new Promise((resolve) => setImmediate(resolve));
      finish();
      connection.end();
      connection.dispose();
    },
  };
}

export interface AttachedBackend {
  /** Rejects with what the backend says went wrong; an aborted signal cancels the request there. */
  request<Method extends keyof BackendRequests>(method: Method, params: BackendRequests[Method]['params'], signal: AbortSignal): Promise<BackendRequests[Method]['result']>;
  close(): void;
}

/** Connects to a running backend. Closing leaves it running. */
export async function attachTo(record: BackendRecord, clock: Clock, onEvent: (event: PoolEvent) => void): Promise<AttachedBackend> {
  const socket: Socket = await connectTo(record.socket, clock);
  const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
  connection.onNotification('pool/event' satisfies keyof BackendNotifications, onEvent);
  // What is under way is rejected when the connection closes; that is how it is told.
  connection.onError(() => socket.destroy());
  connection.listen();
  return {
    async request(method, params, signal) {
      const cancellation = new CancellationTokenSource();
      const cancel = () => cancellation.cancel();
      signal.throwIfAborted();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        return await connection.sendRequest<BackendRequests[typeof method]['result']>(method, params, cancellation.token);
      } finally {
        signal.removeEventListener('abort', cancel);
        cancellation.dispose();
      }
    },
    close: () => {
      connection.dispose();
      socket.destroy();
    },
  };
}

function tell(connection: MessageConnection, event: PoolEvent): Promise<void> {
  return connection.sendNotification('pool/event' satisfies keyof BackendNotifications, event);
}

async function abortable<Result>(token: CancellationToken, gone: AbortSignal, task: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const cancelled = new AbortController();
  const cancel = () => cancelled.abort(new Error('cancelled'));
  // A token that was cancelled before its request was looked at calls nobody back.
  if (token.isCancellationRequested) cancel();
  const subscription = token.onCancellationRequested(cancel);
  try {
    return await task(AbortSignal.any([cancelled.signal, gone]));
  } catch (error) {
    if (cancelled.signal.aborted || gone.aborted) throw new ResponseError(REQUEST_CANCELLED, 'cancelled');
    throw new ResponseError(REQUEST_FAILED, error instanceof Error ? error.message : String(error), dataOf(error));
  } finally {
    subscription.dispose();
  }
}

/** For whoever can offer more than the message. */
function dataOf(error: unknown): BackendErrorData | undefined {
  if (error instanceof OtherDhcpServerError) return { code: 'other-dhcp-server', servers: error.servers };
  if (error instanceof ListenError && error.code !== undefined) return { code: error.code };
  return undefined;
}
