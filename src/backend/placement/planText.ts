/** A plan as people read it. */

import type { DiskPlace, PlanAction, PlanJson, PlanStep, UnplacedVm } from '../../protocol';
import type { PoolModel } from '../drive/model';
import type { HostLoads, Load, PoolLoads, VolumeLoads } from './loads';
import { bandwidth, bytes, list, percent } from './words';

export function planText(model: PoolModel, plan: PlanJson, loads: PoolLoads): string {
  const sections = [heading(model, plan), hostTable(loads), leftOut(plan.unplaced), failures(plan), stuck(plan), actions(plan.actions)];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** One line for each better plan while the search goes on. */
export function progressLine(plan: PlanJson): string {
  const { objective } = plan;
  const left = plan.unplaced.length === 0 ? 'all VMs placed' : `${count(plan.unplaced.length, 'VM')} left out`;
  return `${left}, largest load ${percent(objective.maxLoad)}, ${count(objective.hostsUsed, 'host')}. ${proof(plan)}`;
}

function heading(model: PoolModel, plan: PlanJson): string {
  const placed = Object.keys(plan.assignments).length;
  const idle = model.vms.length - placed - plan.unplaced.length;
  const counted = `${placed} of ${placed + plan.unplaced.length} VMs placed on ${count(plan.objective.hostsUsed, 'host')}`;
  const aside = idle === 0 ? '' : `; ${count(idle, 'VM')} with start.auto: false not planned`;
  return `Pool ${model.cluster.name}: ${counted}${aside}. Largest load ${percent(plan.objective.maxLoad)}.\n${proof(plan)}`;
}

function proof(plan: PlanJson): string {
  if (plan.status === 'optimal') return 'Proven: no placement is better.';
  if (plan.status === 'infeasible') return 'Proven: no VM can be placed.';
  const { objective, bound } = plan;
  if (objective.unplacedPriority !== bound.unplacedPriority) return `Not proven: a placement that leaves out less may exist (priorities left out: ${objective.unplacedPriority}, at least ${bound.unplacedPriority}).`;
  if (objective.surviveShortfall !== bound.surviveShortfall) return `Not proven: a placement that bears failures better may exist (${count(objective.surviveShortfall, 'VM')} without room, at least ${bound.surviveShortfall}).`;
  if (objective.bytesMoved !== bound.bytesMoved) return `Not proven: fewer bytes moved may do (${bytes(objective.bytesMoved)}, at least ${bytes(bound.bytesMoved)}).`;
  if (objective.maxLoad !== bound.maxLoad) return `Not proven: the largest load may be brought down, but to no less than ${percent(bound.maxLoad)}.`;
  if (objective.loads.some((load, index) => load !== bound.loads[index])) return "Not proven: the largest load can't be lower; the loads after it may be evened out further.";
  if (objective.hostsUsed !== bound.hostsUsed) return `Not proven: fewer hosts may do, but no fewer than ${bound.hostsUsed}.`;
  return 'Not proven: fewer moves may do.';
}

function hostTable({ hosts, storage }: PoolLoads): string {
  const rows = hosts.flatMap(hostRows);
  const shared = storage.map((volume) => ['(shared)', '', '', ...volumeCells(volume), '']);
  return table([['HOST', 'VCPUS', 'MEMORY', 'ARRAY', 'BANDWIDTH', 'SPACE', 'VMS'], ...rows, ...shared]);
}

/** One line an array; the host's own numbers stand on the first. */
function hostRows(host: HostLoads): string[][] {
  const own = [host.host, ratio(host.milliCpus, cpus), ratio(host.memoryBytes, bytes)];
  const vms = host.unavailable === undefined ? host.vms.join(', ') : `unavailable: ${host.unavailable}`;
  if (host.arrays.length === 0) return [[...own, '', '', '', vms]];
  return host.arrays.map((array, index) => [...(index === 0 ? own : ['', '', '']), ...volumeCells(array), index === 0 ? vms : '']);
}

function volumeCells({ name, bandwidthBps, spaceBytes }: VolumeLoads): string[] {
  return [name, ratio(bandwidthBps, bandwidth), ratio(spaceBytes, bytes)];
}

function cpus(milliCpus: number): string {
  return String(milliCpus / 1000);
}

function ratio({ used, capacity }: Load, write: (value: number) => string): string {
  return `${write(used)} of ${write(capacity)}`;
}

function leftOut(unplaced: readonly UnplacedVm[]): string {
  if (unplaced.length === 0) return '';
  // Copies of one VM have the same to tell: it is told once.
  const groups = new Map<string, UnplacedVm[]>();
  for (const left of unplaced) {
    const key = JSON.stringify([left.priority, left.reasons, left.conflict, left.remedies]).replaceAll(left.vm, '*');
    groups.set(key, [...(groups.get(key) ?? []), left]);
  }
  const lines = [...groups.values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    const names = alike.length > MOST_NAMES ? `${alike.slice(0, MOST_NAMES).map(({ vm }) => vm).join(', ')} and ${alike.length - MOST_NAMES} more` : list(alike.map(({ vm }) => vm));
    return [`  ${names} (priority ${first.priority})`, ...first.reasons.map((reason) => `    ${reason}`), ...conflictLines(first.conflict), ...remedyLines(first.remedies)];
  });
  return ['Left out:', ...lines].join('\n');
}

const MOST_NAMES = 6;

function conflictLines(conflict: readonly string[]): string[] {
  // A single requirement repeats its reason.
  return conflict.length < 2 ? [] : ["    These can't hold together:", ...conflict.map((requirement) => `      - ${requirement}`)];
}

function remedyLines(remedies: readonly string[] = []): string[] {
  return remedies.length === 0 ? [] : ['    Any of these would let it in:', ...remedies.map((remedy) => `      - ${remedy}`)];
}

function failures({ failures: all }: PlanJson): string {
  return all.map(({ hosts, vms }) => `If ${list(hosts)} ${hosts.length === 1 ? 'fails' : 'fail'}, ${list(vms)} ${vms.length === 1 ? 'finds' : 'find'} no room elsewhere.`).join('\n');
}

function actions(all: readonly PlanAction[]): string {
  if (all.length === 0) return 'Nothing to do.';
  const width = String(all.length).length;
  // Without moves only a VM's own disks and `start.after` make it wait, which the order shows.
  if (!all.some(({ kind }) => kind === 'migrate' || kind === 'move-disk')) return ['Actions:', ...all.map((action, index) => `  ${String(index + 1).padStart(width)}. ${actionText(action)}`)].join('\n');
  const waits = ({ after }: PlanAction) => (after.length === 0 ? '' : `, after ${list(after.map((earlier) => String(earlier + 1)))}`);
  return [`Actions, about ${duration(longestWay(all))} when those that needn't wait run at the same time:`, ...all.map((action, index) => `  ${String(index + 1).padStart(width)}. ${actionText(action)}${waits(action)}`), '`pxen boot` moves nothing; with --max-moves 0 this is the plan it follows.'].join('\n');
}

function stuck({ stuck: vms = [] }: PlanJson): string {
  return vms.length === 0 ? '' : `A better placement would move ${list(vms)}, but no order of moves was found in which each has room on the way.`;
}

/** Seconds until the last action has ended. */
function longestWay(all: readonly PlanAction[]): number {
  const ends: number[] = [];
  for (const { seconds, after } of all) ends.push(after.reduce((latest, earlier) => Math.max(latest, ends[earlier] ?? 0), 0) + seconds);
  return ends.reduce((latest, end) => Math.max(latest, end), 0);
}

/** `40 s`, `12 min`, `3.5 h` */
function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Number((seconds / 3600).toFixed(1))} h`;
}

export function actionText(action: PlanStep): string {
  switch (action.kind) {
    case 'create-disk':
      return `make disk ${action.vm}/${action.disk} (${bytes(action.bytes)}) on ${placeText(action.to)}`;
    case 'move-disk':
      return `move disk ${action.vm}/${action.disk} (${bytes(action.bytes)}) from ${placeText(action.from)} to ${placeText(action.to)}`;
    case 'migrate':
      return `migrate ${action.vm} (${bytes(action.bytes)}) from ${action.from} to ${action.to}`;
    case 'start':
      return `start ${action.vm} on ${action.host}`;
    case 'stop':
      return `stop ${action.vm} on ${action.host}: ${action.reason}`;
  }
}

function placeText(place: DiskPlace): string {
  return 'host' in place ? `${place.host}/${place.array}` : place.storage;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)), []);
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd()).join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
