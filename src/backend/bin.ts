/** Entry of the `pxen` command: runs the command line and hands its exit code to the shell. */

import { main } from './cli';

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`pxen: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
