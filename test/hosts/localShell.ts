/** This machine's own shell as a dom0: shows that the commands mean what PXEN thinks they mean. */

import { spawn, spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { quote, type CommandResult, type Dom0Shell } from '../../src/backend/hosts/shell';

export function localShell(): Dom0Shell {
  return {
    host: 'node1',
    execute: (command, signal, options = {}) =>
      new Promise<CommandResult>((resolve, reject) => {
        const child = spawn('sh', ['-c', quote(command)], { signal });
        const out: Buffer[] = [];
        const err: Buffer[] = [];
        child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
        child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
        child.on('error', reject);
        child.on('close', (code) => resolve({ code: code ?? 255, stdout: Buffer.concat(out).toString('latin1'), stderr: Buffer.concat(err).toString() }));
        const { stdin = '' } = options;
        // A command that ends without reading breaks the pipe; its exit code tells the rest.
        pipeline(typeof stdin === 'string' ? Readable.from([Buffer.from(stdin)]) : Readable.from(stdin), child.stdin).catch(() => undefined);
      }),
  };
}

/** Empty when all are here, else the reason to skip: `needs dd, ln`. */
export function missingTools(...names: readonly string[]): string {
  const missing = names.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing.length === 0 ? '' : `needs ${missing.join(', ')}`;
}
