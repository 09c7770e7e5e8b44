/** The window's sessions, one to a drive, with the settings and the log that VS Code supplies. */

import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { backendCommand } from './backendCommand';
import type { Backend, BackendListeners } from './client';
import type { Drives } from './editor/drives';
import type { BackendRecord } from './protocol';
import { PoolSession, type BackendPurpose, type FoundBackend } from './session';
import { logLine } from './views/logLine';

export interface SessionsOptions {
  /** Absolute path of dist/backend.js. */
  readonly script: string;
  readonly log: vscode.LogOutputChannel;
  /** A backend ended without being asked to. */
  readonly onLost: (error: Error) => void;
}

export class Sessions implements vscode.Disposable {
  readonly #sessions = new Map<string, PoolSession>();
  readonly #changed = new vscode.EventEmitter<PoolSession>();
  readonly #subscriptions: readonly vscode.Disposable[];

  readonly onDidChange = this.#changed.event;

  constructor(
    drives: Drives,
    private readonly options: SessionsOptions,
  ) {
    this.#subscriptions = [
      drives.onDidChange(({ path: drive }) => {
        if (!this.#sessions.has(drive)) this.#open(drive);
      }),
      drives.onDidRemove(({ path: drive }) => {
        void this.#sessions.get(drive)?.release();
        this.#sessions.delete(drive);
      }),
    ];
  }

  get all(): readonly PoolSession[] {
    return [...this.#sessions.values()];
  }

  at(drive: string): PoolSession | undefined {
    return this.#sessions.get(drive);
  }

  #open(drive: string): void {
    const { log, onLost } = this.options;
    const session = new PoolSession({
      drive,
      start: (purpose, listeners) => this.#start(purpose, listeners),
      find: findBackend,
      onEvent: (event, before) => {
        const line = logLine(event, before);
        if (line) log[line.level](line.sentence);
      },
      onLine: (line) => log.debug(line),
      onLost,
    });
    this.#sessions.set(drive, session);
    session.onChange(() => this.#changed.fire(session));
    session.attach().catch((error: unknown) => {
      log.warn(`A backend works on ${drive}, but doesn't answer: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  async #start({ target, for: use }: BackendPurpose, listeners: BackendListeners): Promise<Backend> {
    const settings = vscode.workspace.getConfiguration('pxen');
    const command = backendCommand({
      script: this.options.script,
      execPath: process.execPath,
      askForPassword: target === 'machines' && use === 'serve' && settings.get('askForPassword', true),
      stay: use === 'serve' && settings.get('keepRunning', false),
    });
    this.options.log.info(`Starting the backend: ${[command.file, ...command.args].join(' ')}`);
    const { startBackend } = await import('./client');
    return startBackend(command, listeners);
  }

  /** The window closes. */
  async release(): Promise<void> {
    await Promise.all(this.all.map((session) => session.release()));
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}

/** A record that nobody answers to is left from a process that was killed. */
async function findBackend(drive: string, listeners: BackendListeners): Promise<FoundBackend | undefined> {
  for (const folder of [path.join(drive, 'state'), path.join(drive, 'state', 'lab')]) {
    const record = await readRecord(path.join(folder, 'backend.json'));
    if (record === undefined) continue;
    const { attachBackend } = await import('./client');
    try {
      return { backend: await attachBackend(record.socket, listeners), target: record.target };
    } catch (error) {
      listeners.onLine(`${folder}/backend.json names process ${record.pid}, which doesn't answer: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return undefined;
}

async function readRecord(file: string): Promise<BackendRecord | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    // None there, or not for this user to read: either way there is nothing to join.
    return undefined;
  }
  const record: unknown = JSON.parse(text);
  return isRecord(record) ? record : undefined;
}

function isRecord(value: unknown): value is BackendRecord {
  return typeof value === 'object' && value !== null && 'socket' in value && typeof value.socket === 'string' && 'target' in value && 'pid' in value;
}
