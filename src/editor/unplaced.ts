/** VMs that have no host, told where their spec gives their name. Pure. */

import type { PlanJson, ProblemJson } from '../protocol';
import type { EditorDrive } from './features/editorDrive';
import { occurrenceId } from './features/occurrences';

export function unplacedProblems(specs: EditorDrive, plan: PlanJson): readonly ProblemJson[] {
  return plan.unplaced.flatMap(({ vm, reasons }) => {
    const name = specs.occurrences.get(occurrenceId('vm', vm))?.find(({ role }) => role === 'definition');
    const lines = name && specs.files.get(name.file)?.spec.lines;
    if (!lines) return [];
    const [start, end] = [lines.at(name.start), lines.at(name.end)];
    return [
      {
        file: name.file,
        line: start.line,
        column: start.column,
        endLine: end.line,
        endColumn: end.column,
        severity: 'warning' as const,
        code: 'vm-unplaced',
        message: [`No host can run ${vm}.`, ...reasons.map((reason) => `• ${reason}`)].join('\n'),
      },
    ];
  });
}
