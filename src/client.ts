/**
 * Starts the backend as a process of its own and talks to it by JSON-RPC over its standard input and output. Knows nothing of
 * VS Code, so that it is tested against a real process without one. A bundle of its own, loaded when a backend is first needed:
 * who only edits specs doesn't wait for it.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import {
  CancellationTokenSource,
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { BackendCommand } from './backendCommand';
import { backendDied, backendNotStarted, cancelled, noPorts } from './clientErrors';
import { outcomeOf } from './outcome';
import type { BackendErrorData, BackendNotifications, BackendRequests, PoolEvent } from './protocol';

export interface BackendListeners {
  readonly onEvent: (event: PoolEvent) => void;
  /** A line of the backend's standard error. */
  readonly onLine: (line: string) => void;
}

export interface Backend {
  /** Rejects with a `ClientError` when the process ends first, of code `cancelled` when the signal aborted it. */
  request<Method extends keyof BackendRequests>(
    method: Method,
    params: BackendRequests[Method]['params'],
    signal?: AbortSignal,
  ): Promise<BackendRequests[Method]['result']>;
  /** Resolves when it is gone: without an error when that was asked for. */
  readonly ended: Promise<Error | undefined>;
  /** Lets go of it: it ends, unless it was started to stay. Resolves when it has, or after `limitMs`. */
  close(limitMs: number): Promise<void>;
}

/** Last lines of standard error that a crash is told with. */
const LAST_LINES = 12;

/** Starts the backend. That it couldn't start shows in `ended` and in every request. */
export function startBackend(command: BackendCommand, listeners: BackendListeners): Backend {
  const child = spawn(command.file, [...command.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...command.env },
    // A process group of its own: Ctrl+C in the terminal that started the window isn't meant for it.
    detached: process.platform !== 'win32',
  });
  const lines: string[] = [];
  eachLine(child.stderr, (line) => {
    lines.push(line);
    if (lines.length > LAST_LINES) lines.shift();
    listeners.onLine(line);
  });
  const gone = new Promise<Error | undefined>((resolve) => {
    child.once('error', (error) => resolve(backendNotStarted(error)));
    // 'close' comes after the last line of standard error, 'exit' may come before it.
    child.once('close', (code, signal) => resolve(causeOfEnd(code, signal, lines)));
  });
  return converse(child.stdout, child.stdin, gone, listeners, () => endOf(child));
}

/** Talks to a backend that already runs (`BackendRecord.socket`); closing leaves it running. */
export async function attachBackend(socketPath: string, listeners: BackendListeners): Promise<Backend> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const attempt = connect(socketPath, () => resolve(attempt));
    attempt.once('error', reject);
  });
  const gone = new Promise<Error | undefined>((resolve) => {
    socket.once('close', () => resolve(undefined));
  });
  return converse(socket, socket, gone, listeners, () => socket.destroy());
}

function converse(
  input: Readable,
  output: Writable,
  gone: Promise<Error | undefined>,
  listeners: BackendListeners,
  abandon: () => void,
): Backend {
  // Messages pass through a stream that takes them even when the process is gone: vscode-jsonrpc 8.2 leaves a rejection that
  // nobody can handle when a write fails.
  const outbox = new PassThrough();
  outbox.pipe(output);
  output.on('error', (error) => listeners.onLine(`connection to the backend: ${error.message}`));
  const connection = createMessageConnection(new StreamMessageReader(input), new StreamMessageWriter(outbox));
  connection.onNotification('pool/event' satisfies keyof BackendNotifications, listeners.onEvent);
  // A stream that breaks is a process that ended, and that is told once, with its reason.
  connection.onError(([error]) => listeners.onLine(`connection to the backend: ${error.message}`));
  connection.listen();

  let closing = false;
  let over: { readonly error: Error } | undefined;
  const ended = gone.then((error) => {
    over = { error: error ?? backendDied('it ended', []) };
    connection.dispose();
    return closing ? undefined : error;
  });

  return {
    ended,
    async request(method, params, signal) {
      const cancellation = new CancellationTokenSource();
      const cancel = () => cancellation.cancel();
      if (signal?.aborted) throw cancelled();
      if (over !== undefined) throw over.error;
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        const answer = outcomeOf(connection.sendRequest<BackendRequests[typeof method]['result']>(method, params, cancellation.token));
        const outcome = await Promise.race([answer, gone.then((error) => ({ error: error ?? backendDied('it ended', []) }))]);
        if ('value' in outcome) return outcome.value;
        // A connection that closed rejects what is pending a moment before the process has told why.
        throw isConnectionLoss(outcome.error) ? ((await gone) ?? backendDied('it ended', [])) : outcome.error;
      } catch (error) {
        if (signal?.aborted || (error instanceof ResponseError && error.code === REQUEST_CANCELLED)) throw cancelled();
        const data = error instanceof ResponseError ? (error.data as BackendErrorData | undefined) : undefined;
        if (error instanceof Error && (data?.code === 'elevation-dismissed' || data?.code === 'elevation-refused')) throw noPorts(data.code, error.message);
        throw error;
      } finally {
        signal?.removeEventListener('abort', cancel);
        cancellation.dispose();
      }
    },
    async close(limitMs) {
      closing = true;
      outbox.unpipe(output);
      output.end();
      const limit = new Promise<void>((resolve) => {
        setTimeout(resolve, limitMs).unref();
      });
      await Promise.race([gone, limit]);
      abandon();
    },
  };
}

/** LSP 3.17, `ErrorCodes.RequestCancelled`. */
const REQUEST_CANCELLED = -32800;

function isConnectionLoss(error: unknown): boolean {
  return error instanceof ResponseError && error.code === ErrorCodes.PendingResponseRejected;
}

/** Takes back our ends of the pipes, so that a process which stays doesn't hold this one. */
function endOf(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}

function causeOfEnd(code: number | null, signal: NodeJS.Signals | null, lines: readonly string[]): Error | undefined {
  if (code === 0) return undefined;
  return backendDied(signal === null ? `it ended with exit code ${code ?? 'unknown'}` : `it was ended by ${signal}`, lines);
}

function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
