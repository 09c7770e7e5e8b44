/** Child processes of the tests: what they said, and an end by process id. */

import { spawn } from 'node:child_process';

export interface Result {
  readonly code: number;
  readonly output: string;
}

/** Runs to the end; both outputs together. */
export function run(command: string, args: readonly string[], { env = process.env, input }: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString('latin1')));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, output }));
    child.stdin.end(input);
  });
}

/** As {@link run}, but anything other than success is an error that shows the output. */
export async function must(command: string, args: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {}): Promise<string> {
  const { code, output } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

export interface Running {
  /** Lines of standard output and error so far. */
  readonly lines: readonly string[];
  /** The first line that matches, past or future. Rejects when the process ends before, or after `limitMs`. */
  line(pattern: RegExp, limitMs?: number): Promise<string>;
  stop(): Promise<void>;
}

export function start(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let ended: string | undefined;
  const tell = () => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.on('data', (data: Buffer) => {
      const parts = (rest + data.toString('latin1')).split(/\r?\n/);
      rest = parts.pop() ?? '';
      lines.push(...parts);
      tell();
    });
  }
  const closed = new Promise<void>((resolve) => {
    const end = (how: string) => {
      ended ??= how;
      tell();
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code) => end(`it ended with ${code ?? 'a signal'}`));
  });
  return {
    lines,
    line: (pattern, limitMs = 120_000) =>
      new Promise((resolve, reject) => {
        const finish = (act: () => void) => {
          watchers.delete(look);
          clearTimeout(limit);
          act();
        };
        const fail = (why: string) => finish(() => reject(new Error(`${command}: nothing like ${String(pattern)}: ${why}\n${lines.slice(-40).join('\n')}`)));
        const look = () => {
          const found = lines.find((line) => pattern.test(line));
          if (found !== undefined) finish(() => resolve(found));
          else if (ended !== undefined) fail(ended);
        };
        const limit = setTimeout(() => fail(`not within ${limitMs} ms`), limitMs);
        watchers.add(look);
        look();
      }),
    stop: async () => {
      if (ended === undefined) child.kill('SIGTERM');
      await closed;
    },
  };
}
