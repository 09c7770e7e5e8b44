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
function buildProgram(io: VerbIo, exit: (code: number) => void): Command {
  const program = new Command('pxen')
    .description('Boots a whole Xen pool from one drive.')
    .version(PXEN_VERSION)
    .exitOverride();

  program
    .command('validate')
    .description('Tell every problem of the specs on a drive.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nProblems are printed as file:line:column: severity code message.\nExits 0 when there are none, 1 when there are, 2 when the drive is not there.')
    .action(async (drive: string, { json }: { json: boolean }) => {
      const { runValidate } = await import('./verbs/validate');
      exit(await runValidate({ drive, json }, io));
    });

  program
    .command('plan')
    .description('Show where each VM goes, why some are left out, and the actions that lead there.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nNothing is changed. Exits 0 when all VMs are placed, 1 when some are left out, 2 when the drive has errors.')
    .action(async (drive: string, { json }: { json: boolean }) => {
      const { runPlan } = await import('./verbs/plan');
      exit(await runPlan({ drive, json }, io));
    });

  const drive = program.command('drive').description('Make drives.');
  drive
    .command('new')
    .description('Write a small, commented drive to start from.')
    .argument('FOLDER', 'a new or empty folder')
    .option('--json', 'print one JSON document', false)
    .action(async (folder: string, { json }: { json: boolean }) => {
      const { runDriveNew } = await import('./verbs/drive-new');
      exit(await runDriveNew({ folder, json }, io));
    });
  return program;
}
