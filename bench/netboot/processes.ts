/** The processes that a bench compares, each with an owner that ends it. */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openProcessorTime } from './processorTime';

export interface Daemon {
  readonly pid: number;
  /** Of it and all that it started, so far; undefined where it can't be counted. */
  processorSeconds(): number | undefined;
  stop(): Promise<void>;
}

/** Runs `bench` with an empty folder, and ends what it started. Exits non-zero when it resolves to false. */
export async function withOwner(bench: (owner: Owner) => Promise<boolean>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-bench-'));
  const owner = new Owner(folder);
  try {
    if (!(await bench(owner))) process.exitCode = 1;
  } finally {
    await owner.end();
    await rm(folder, { recursive: true, force: true });
  }
}

export class Owner {
  readonly #undo: (() => Promise<unknown>)[] = [];

  constructor(readonly folder: string) {}

  onEnd(step: () => Promise<unknown>): void {
    this.#undo.push(step);
  }

  async end(): Promise<void> {
    for (const step of this.#undo.splice(0).reverse()) await step();
  }

  /** A daemon in the foreground; what it says is shown only if it ends by itself. `ready` is asked until it answers true. */
  async daemon(command: string, args: readonly string[], ready: (said: string) => Promise<boolean> | boolean): Promise<Daemon> {
    const time = openProcessorTime(`pxen-bench-${process.pid}-${this.#undo.length}`);
    const [first = command, ...rest] = [...(time?.prefix ?? []), command, ...args];
    const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString('latin1')));
    child.once('error', (error) => (said += error.message));
    const stop = () => endOf(child);
    // Undone last first. What a daemon has started may outlive it for a moment.
    if (time) this.onEnd(() => until(() => time.close(), `all of ${command} to end`));
    this.onEnd(stop);
    await until(() => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode ?? 'an error'}:\n${said}`);
      return ready(said);
    }, `${command} to be ready`);
    return { pid: child.pid ?? 0, processorSeconds: () => time?.seconds(), stop };
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Resolves with standard output; an exit code other than `fine` is an error. */
export async function run(command: string, args: readonly string[], fine: readonly number[] = [0]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString('latin1')));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString('latin1')));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === null || !fine.includes(code)) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}:\n${output}${errors}`);
  return output;
}

const LIMIT_MS = 20_000;

/** Asks every few milliseconds, since none of the peers tells when it listens. */
export async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`waited ${LIMIT_MS / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether all of them are there; tells which Debian packages are missing, and what is left out for it. */
export function present(leftOut: string, tools: Readonly<Record<string, string>>): boolean {
  const missing = Object.entries(tools).filter(([tool]) => spawnSync('sh', ['-c', 'command -v "$0"', tool], { env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } }).status !== 0);
  if (missing.length === 0) return true;
  console.log(`${leftOut} left out: ${missing.map(([tool, name]) => `${tool} (Debian package ${name})`).join(', ')} missing`);
  return false;
}

/** The folder with a Debian package's files, which are not installed; undefined where apt can't get it. */
export async function unpackDebian(owner: Owner, name: string): Promise<string | undefined> {
  const folder = path.join(owner.folder, name);
  try {
    await run('sh', ['-c', 'mkdir "$0" && cd "$0" && apt-get download "$1" && dpkg --extract "$1"_*.deb .', folder, name]);
    return folder;
  } catch (error) {
    console.log(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Largest resident memory of a process so far, MiB (proc(5), VmHWM). */
export function peakMemoryMiB(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}
