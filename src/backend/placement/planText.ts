/** A plan as people read it. */

import type { DiskPlace, PlanAction, PlanJson, UnplacedVm } from '../../protocol';
import type { PoolModel } from '../drive/model';
import type { HostLoads, Load, PoolLoads, VolumeLoads } from './loads';
import { bandwidth, bytes, list, percent } from './words';

export function planText(model: PoolModel, plan: PlanJson, loads: PoolLoads): string {
  const sections = [heading(model, plan), hostTable(loads), leftOut(plan.unplaced), failures(plan), actions(plan.actions)];
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
  if (objective.maxLoad !== bound.maxLoad) return `Not proven: the largest load may be brought down, but to no less than ${percent(bound.maxLoad)}.`;
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
  return ['Left out:', ...unplaced.flatMap(({ vm, priority, reasons, conflict, remedies }) => [`  ${vm} (priority ${priority})`, ...reasons.map((reason) => `    ${reason}`), ...conflictLines(conflict), ...remedyLines(remedies)])].join('\n');
}

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
  return ['Actions:', ...all.map((action, index) => `  ${String(index + 1).padStart(width)}. ${actionText(action)}`)].join('\n');
}

export function actionText(action: PlanAction): string {
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
