/** The command line: parses words, calls one verb, exits with its code. */

import { Command, CommanderError } from 'commander';
import { EXIT, type VerbIo } from './verbs/io';

declare const PXEN_VERSION: string;

export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const io: VerbIo = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY,
    env: process.env,
    signal: abort.signal,
  };
  let exitCode: number = EXIT.ok;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
  return exitCode;
}

/** Verbs are imported when called, so that `pxen validate` doesn't load ssh. */
function buildProgram(_io: VerbIo, _exit: (code: number) => void): Command {
  const program = new Command('pxen')
    .description('Boots a whole Xen pool from one drive.')
    .version(PXEN_VERSION)
    .exitOverride();
  return program;
}
