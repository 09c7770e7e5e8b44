/** A line above each document: where the VM will run, how full the host is. */

import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { diskPlaceName, percent, type Placement } from './placement';
import type { Load } from '../../backend/placement/loads';
import type { PlanJson } from '../../protocol';

export interface Lens {
  /** The name that the line is about. */
  readonly range: TextRange;
  readonly title: string;
  readonly subject: { readonly sort: 'host' | 'vm' | 'cluster'; readonly name: string };
}

/** Of the plan for the specs as they last stood without errors: `earlier` says that they have some now. */
export function lensesOf(drive: EditorDrive, file: string, placement: Placement): readonly Lens[] {
  const earlier = drive.checked.model === undefined ? ' (before the errors)' : '';
  return (drive.files.get(file)?.occurrences ?? []).flatMap((occurrence) => {
    const { sort, role, name, start, end } = occurrence;
    if (role !== 'definition' || (sort !== 'vm' && sort !== 'host' && sort !== 'cluster')) return [];
    const title = sort === 'vm' ? vmTitle(placement, name) : sort === 'host' ? hostTitle(placement, name) : clusterTitle(placement);
    return title === undefined ? [] : [{ range: { start, end }, title: title + earlier, subject: { sort, name } }];
  });
}

/** `→ node2 · r0 · CPU 38 %, memory 52 %`: the loads are the host's, with this VM among the others. */
function vmTitle({ model, plan, loads }: Placement, name: string): string | undefined {
  const vm = model.vms.find((candidate) => candidate.name === name);
  if (!vm) return undefined;
  const host = Object.hasOwn(plan.assignments, name) ? plan.assignments[name] : undefined;
  const load = loads.hosts.find((candidate) => candidate.host === host);
  if (plan.unplaced.some((left) => left.vm === name)) return '→ nowhere: no host can run it';
  if (!vm.start.auto && host === undefined) return 'not started with the pool';
  // A VM that was written since the plan was made.
  if (host === undefined || !load) return undefined;
  const volumes = vm.disks.flatMap((disk) => plan.disks[`${name}/${disk.name}`] ?? []).map(diskPlaceName);
  return [`→ ${host}`, ...(volumes.length === 0 ? [] : [[...new Set(volumes)].join(', ')]), `CPU ${share(load.milliCpus)}, memory ${share(load.memoryBytes)}`].join(' · ');
}

function hostTitle({ loads }: Placement, name: string): string | undefined {
  const load = loads.hosts.find((candidate) => candidate.host === name);
  if (!load) return undefined;
  if (load.unavailable !== undefined) return load.unavailable;
  const arrays = load.arrays.map((array) => `${array.name} ${share(array.spaceBytes)}`);
  const vms = load.vms.length === 0 ? 'no VM' : load.vms.length <= 5 ? load.vms.join(', ') : `${load.vms.slice(0, 4).join(', ')} and ${load.vms.length - 4} more`;
  return [vms, `CPU ${share(load.milliCpus)}, memory ${share(load.memoryBytes)}`, ...(arrays.length === 0 ? [] : [arrays.join(', ')])].join(' · ');
}

function clusterTitle({ model, plan, isProving }: Placement): string {
  const placed = Object.keys(plan.assignments).length;
  const left = plan.unplaced.length === 0 ? '' : ` · ${plan.unplaced.length} without a host`;
  return `${model.hosts.length} host${model.hosts.length === 1 ? '' : 's'} · ${placed} VM${placed === 1 ? '' : 's'} placed${left} · busiest ${percent(plan.objective.maxLoad)} · ${proof(plan, isProving)}`;
}

/** Never "0 %" of what isn't proven. */
function proof({ status, gap }: PlanJson, isProving: boolean): string {
  if (status !== 'feasible') return 'proven best';
  return isProving ? 'being proven' : `at most ${Math.ceil(gap * 100)} % from the best`;
}

function share({ used, capacity }: Load): string {
  return capacity === 0 ? (used === 0 ? '0 %' : 'over 100 %') : percent(used / capacity);
}
