/** `pxen doctor`: which tools this machine lacks for which verb, and the one command that installs them. */

import { VERBS_WITH_TOOLS, installCommand, missingTools } from '../image/tools';
import { EXIT, type VerbIo } from './io';

export interface DoctorOptions {
  readonly json: boolean;
}

/**
 * With `--json`: `{"verbs":[{"verb","missing":[{"name","debianPackage"}]}],"install"?}`, `install` being the command.
 * Exits 0 when nothing is missing, 1 otherwise.
 */
export async function runDoctor(options: DoctorOptions, io: VerbIo): Promise<number> {
  const verbs = await Promise.all(VERBS_WITH_TOOLS.map(async (verb) => ({ verb, missing: await missingTools(verb) })));
  const missing = verbs.flatMap((each) => each.missing);
  const install = missing.length === 0 ? undefined : installCommand(missing);
  if (options.json) {
    io.out(`${JSON.stringify({ verbs, ...(install !== undefined && { install }) })}\n`);
  } else {
    const lines = verbs.map(({ verb, missing: lacks }) => `pxen ${verb}: ${lacks.length === 0 ? 'ready' : `lacks ${lacks.map(({ name }) => name).join(', ')}`}\n`);
    io.out(`${lines.join('')}All other verbs need no tools but Node.js.\n${install === undefined ? '' : `\nInstall what is missing:\n  ${install}\n`}`);
  }
  return install === undefined ? EXIT.ok : EXIT.problems;
}
