/** The VS Code server as a child process on a free loopback port. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface ServerOptions {
  /** Folder of the installed server. */
  readonly installation: string;
  /** User settings, extensions and logs; made when absent. */
  readonly userDataFolder: string;
  readonly extensionsFolder: string;
  /** `suite`: the page can report and exit, and shows no dialogs. `interface`: all is as the user has it. */
  readonly purpose: 'suite' | 'interface';
  /** Whether every folder is trusted, or only those that the user says so of. */
  readonly trust?: 'all' | 'ask';
  /** Beside the caller's environment; the extension host and what it starts inherit it. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly port: number;
  /** Resolves once the log has a line that matches; rejects when the server ends or the time limit passes first. */
  logged(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray>;
  /** All output so far. */
  log(): string;
  close(): Promise<void>;
}

/** Starts the server and resolves once it listens. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const dataFolder = join(options.userDataFolder, 'server');
  for (const folder of [dataFolder, options.userDataFolder, options.extensionsFolder]) await mkdir(folder, { recursive: true });
  const child = spawn(
    process.execPath,
    [
      join(options.installation, 'out', 'server-main.js'),
      ...['--host', '127.0.0.1', '--port', '0'],
      ...['--without-connection-token', '--accept-server-license-terms'],
      ...(options.trust === 'ask' ? [] : ['--disable-workspace-trust']),
      ...(options.purpose === 'suite' ? ['--enable-smoke-test-driver'] : []),
      ...['--force-disable-user-env', '--telemetry-level', 'off'],
      ...['--server-data-dir', dataFolder, '--user-data-dir', options.userDataFolder],
      ...['--extensions-dir', options.extensionsFolder],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
  );
  const ended = once(child, 'exit');

  let text = '';
  const listeners = new Set<() => void>();
  const collect = (chunk: Buffer) => {
    text += chunk.toString('utf8');
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);

  const logged = (pattern: RegExp, timeoutMs: number) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(limit);
        listeners.delete(look);
        outcome();
      };
      const look = () => {
        const match = pattern.exec(text);
        if (match) settle(() => resolve(match));
      };
      const fail = (what: string) =>
        settle(() => reject(new Error(`VS Code's server ${what} before it logged ${String(pattern)}. It said:\n${text}`)));
      const limit = setTimeout(() => fail(`took more than ${timeoutMs} ms`), timeoutMs);
      listeners.add(look);
      void ended.then(() => fail('ended'));
      look();
    });

  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };

  try {
    const [, port] = await logged(/Extension host agent listening on (\d+)/, 60_000);
    return { port: Number(port), logged, log: () => text, close };
  } catch (error) {
    await close();
    throw error;
  }
}
