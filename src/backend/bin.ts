/** Entry of the `pxen` command: runs the command line and hands its exit code to the shell. */

import { main } from './cli';

// `pxen validate | head` closes the pipe early. That is the reader's right; what is left to say is dropped.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  if (!isTerminalGone(error)) throw error;
});
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && !isTerminalGone(error)) throw error;
});

/** It was closed, which ends a verb as Ctrl+C does: it still has to clean up. */
function isTerminalGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EIO';
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`pxen: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
