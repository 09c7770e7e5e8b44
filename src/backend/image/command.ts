/** Runs one command to its end. Arguments are passed as they are; no shell reads them. */

import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Fed to its standard input. */
  readonly inputFile?: string;
  /** Gets each line of its output, standard error included. */
  readonly onLine?: (line: string) => void;
  /** Ends the command (SIGTERM) when it aborts; it gets the time it needs to clean up. */
  readonly signal?: AbortSignal;
}

const LINES_TOLD_ON_FAILURE = 15;

/** Rejects with the command's last lines when it can't be started, fails, or is stopped by the signal. */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const lastLines: string[] = [];
  const tell = (line: string) => {
    lastLines.push(line);
    if (lastLines.length > LINES_TOLD_ON_FAILURE) lastLines.shift();
    options.onLine?.(line);
  };
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.inputFile === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<string | undefined>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, killedBy) => resolve(code === 0 ? undefined : killedBy === null ? `ended with code ${code ?? '?'}` : `was ended by ${killedBy}`));
  });
  const fed = options.inputFile !== undefined && child.stdin ? pipeline(createReadStream(options.inputFile), child.stdin) : Promise.resolve();
  const end = () => void child.kill('SIGTERM');
  signal?.addEventListener('abort', end, { once: true });
  // A command that fails early closes its input; its own words are the ones that explain.
  const [failure] = await Promise.all([ended, fed.catch(() => undefined), eachLine(child.stdout, tell), eachLine(child.stderr, tell)]).finally(() => signal?.removeEventListener('abort', end));
  signal?.throwIfAborted();
  if (failure !== undefined) throw new Error([`${command} ${failure}.`, ...lastLines].join('\n  '));
}

async function eachLine(stream: Readable | null, tell: (line: string) => void): Promise<void> {
  if (stream === null) return;
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') tell(line);
  }
  if (rest !== '') tell(rest);
}
