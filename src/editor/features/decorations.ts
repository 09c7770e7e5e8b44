/** What a file's entry in a list of files says of it, beside the number and colour that editors give to files with problems by themselves. */

import type { EditorDrive } from './editorDrive';
import { definitionOf, type Placement } from './placement';

export interface Decoration {
  /** At most two characters. */
  readonly badge: string;
  readonly tooltip: string;
}

/** By file: those with VMs that no host can run. Of files with errors the plan knows only an earlier state. */
export function decorationsOf(drive: EditorDrive, placement: Placement | undefined): ReadonlyMap<string, Decoration> {
  const wrong = new Set(drive.checked.problems.filter(({ severity }) => severity === 'error').map(({ file }) => file));
  const left = new Map<string, string[]>();
  for (const { vm } of placement?.plan.unplaced ?? []) {
    const file = definitionOf(drive, 'vm', vm)?.file;
    if (file === undefined || wrong.has(file)) continue;
    const known = left.get(file);
    if (known) known.push(vm);
    else left.set(file, [vm]);
  }
  return new Map([...left].map(([file, vms]) => [file, { badge: '∅', tooltip: `No host can run ${listed(vms)}` }]));
}

const MOST_NAMED = 5;

function listed(vms: readonly string[]): string {
  return vms.length <= MOST_NAMED ? vms.join(', ') : `${vms.slice(0, MOST_NAMED - 1).join(', ')} and ${vms.length - MOST_NAMED + 1} more`;
}
