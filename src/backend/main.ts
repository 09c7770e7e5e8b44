/**
 * The backend as a process for the window: JSON-RPC on standard input and output, logs for people on standard error. It ends
 * when its input closes; started with `--stay` it goes on while it has a pool to look after, and is reached by the socket that
 * `backend.json` names. With `--ask-for-password` it opens a dialog when ports are kept for root.
 */

import process from 'node:process';
import { StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { realParts } from './pool/parts';
import { serveConnection } from './pool/rpc';
import { PoolService } from './pool/service';
import type { Log } from './system';
import { wayToRoot } from './netboot/portHelper/wayToRoot';
import { targetOpener } from './targets';

export async function serveWindow(options: { readonly stay: boolean; readonly askForPassword: boolean; readonly signal: AbortSignal; readonly log: Log }): Promise<void> {
  const { stay, log } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const service = new PoolService({
    openEnvironment: targetOpener(options.askForPassword ? wayToRoot('pkexec') : undefined),
    parts: realParts,
    log: (level, sentence) => {
      log(level, sentence);
      window.notify({ event: 'log', at: new Date(realParts.clock.now()).toISOString(), level, sentence });
    },
    onEvent: (event) => window.notify(event),
    onStop: () => stop.abort(new Error('asked to stop')),
  });
  const window = serveConnection(new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout), service.handlers, log, { outlives: stay });
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([window.closed, stopped]);
    if (stay) await Promise.race([service.allEnded(), stopped]);
  } finally {
    await window.end();
    await service.close();
  }
}

/** Runs until the window, a signal or an order ends it; then the process has nothing left to do. */
async function main(): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort(new Error(name)));
  const log: Log = (level, sentence) => void process.stderr.write(`${level === 'info' ? '' : `${level}: `}${sentence}\n`);
  await serveWindow({ stay: process.argv.includes('--stay'), askForPassword: process.argv.includes('--ask-for-password'), signal: interrupted.signal, log });
  // Standard input may still be open when an order ended it.
  process.stdin.destroy();
}

main().catch((error: unknown) => {
  process.stderr.write(`pxen backend: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
