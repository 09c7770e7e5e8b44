/** `pxen validate [DRIVE]`: every problem of the drive's specs. */

import type { ProblemJson, Severity } from '../../protocol';
import { folderTrouble } from '../drive/driveFolder';
import { loadDrive } from '../drive/load';
import { EXIT, type VerbIo } from './io';

export interface ValidateOptions {
  readonly drive: string;
  readonly json: boolean;
}

/** Exits 0 without problems, 1 with any, 2 when the folder isn't there. */
export async function runValidate(options: ValidateOptions, io: VerbIo): Promise<number> {
  const trouble = await folderTrouble(options.drive);
  if (trouble !== undefined) {
    io.err(`${trouble.sentence} ${trouble.remedy}\n`);
    return EXIT.usage;
  }
  const { problems, model } = await loadDrive(options.drive);
  if (options.json) {
    io.out(`${JSON.stringify({ problems })}\n`);
  } else {
    for (const problem of problems) io.out(`${problemLine(problem)}\n`);
    io.err(`${problems.length === 0 && model ? `No problems. ${counted(model.hosts.length, 'host')}, ${counted(model.vms.length, 'VM')}.` : tally(problems)}\n`);
  }
  return problems.length === 0 ? EXIT.ok : EXIT.problems;
}

/** `file:line:column: severity code message`, the form that editors and terminals turn into links. */
export function problemLine({ file, line, column, severity, code, message }: ProblemJson): string {
  return `${file}:${line}:${column}: ${severity} ${code} ${message}`;
}

function tally(problems: readonly ProblemJson[]): string {
  const count = (severity: Severity) => problems.filter((problem) => problem.severity === severity).length;
  return `${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}.`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
