/** Runs the command line as a user would, and hears its events. */

import { spawn, type ChildProcess } from 'node:child_process';
import type { PoolEvent } from '../../src/protocol';

export interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Standard error so far. */
  err(): string;
  /** Resolves with the first event, past ones included, that fits; rejects when the program ends before. */
  event<Found extends PoolEvent>(fits: (event: PoolEvent) => event is Found): Promise<Found>;
  /** Asks it to end (SIGTERM), and waits until it has. */
  stop(): Promise<void>;
}

export function startPxen(pxen: string, args: readonly string[]): Running {
  const child = spawn(process.execPath, [pxen, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const events: PoolEvent[] = [];
  const listeners = new Set<() => void>();
  let out = '';
  let err = '';
  let read = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    for (let end = out.indexOf('\n', read); end >= 0; end = out.indexOf('\n', read)) {
      const line = out.slice(read, end);
      read = end + 1;
      if (line.startsWith('{"event"')) events.push(JSON.parse(line) as PoolEvent);
    }
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve) => child.on('close', (exitCode) => resolve({ exitCode, out, err })));
  return {
    ended,
    err: () => err,
    event: (fits) => firstEvent(events, listeners, fits, ended),
    stop: () => stop(child, ended),
  };
}

export function runPxen(pxen: string, args: readonly string[]): Promise<Ended> {
  return startPxen(pxen, args).ended;
}

function firstEvent<Found extends PoolEvent>(events: readonly PoolEvent[], listeners: Set<() => void>, fits: (event: PoolEvent) => event is Found, ended: Promise<Ended>): Promise<Found> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = events.find(fits);
      if (found === undefined) return;
      listeners.delete(look);
      resolve(found);
    };
    listeners.add(look);
    look();
    void ended.then(({ exitCode, err }) => reject(new Error(`pxen ended with ${exitCode ?? 'a signal'} before that event:\n${err}`)));
  });
}

async function stop(child: ChildProcess, ended: Promise<Ended>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
