/** The shell of a simulated dom0: one command a line, from a fixed list. What isn't on it is told as not found, so that drift shows. */

import { BLOCK_COMMANDS } from './block-commands';
import { type Dom0Command, type Dom0Context, type Ended, fails, UsageError } from './command';
import { FILE_COMMANDS } from './file-commands';
import { splitWords } from './words';
import { XEN_COMMANDS } from './xen-commands';

const COMMANDS: ReadonlyMap<string, Dom0Command> = new Map(Object.entries({ ...FILE_COMMANDS, ...BLOCK_COMMANDS, ...XEN_COMMANDS }));

export async function runLine(line: string, context: Dom0Context): Promise<Ended> {
  const words = splitWords(line);
  if (words === undefined) return fails(2, `bash: syntax not known to the lab: ${line}`);
  const [name = '', ...rest] = words;
  const command = COMMANDS.get(name);
  if (command === undefined) return fails(127, `bash: line 1: ${name}: command not found`);
  try {
    return await command(rest, context);
  } catch (error) {
    if (error instanceof UsageError) return fails(1, `${name}: ${error.message}`);
    throw error;
  }
}
