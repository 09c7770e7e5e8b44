/** A plan as people read it. */

import type { DiskPlace, PlanAction, PlanJson, PlanStep, UnplacedVm } from '../../protocol';
import type { PoolModel } from '../drive/model';
import { alikeVms } from './alike';
import { lostDisks } from './lostDisks';
import type { HostLoads, Load, PoolLoads, VolumeLoads } from './loads';
import { bandwidth, bytes, count, list, percent, someOf, vcpus } from './words';

/** `advice`: how to learn more, told where something isn't proven. */
export function planText(model: PoolModel, plan: PlanJson, loads: PoolLoads, advice = ''): string {
  const sections = [heading(model, plan, plan.status === 'feasible' ? advice : ''), hostTable(loads), overfull(loads), leftOut(plan.unplaced), failures(plan), lost(model, plan), stuck(plan), actions(plan.actions)];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** One line for each better plan while the search goes on. */
export function progressLine(model: PoolModel, plan: PlanJson): string {
  const { objective } = plan;
  const left = plan.unplaced.length === 0 ? 'all VMs placed' : `${count(plan.unplaced.length, 'VM')} left out`;
  return `${left}, largest load ${percent(objective.maxLoad)}, ${count(objective.hostsUsed, 'host')}. ${proof(model, plan)}`;
}

function heading(model: PoolModel, plan: PlanJson, advice: string): string {
  const placed = Object.keys(plan.assignments).length;
  const idle = model.vms.length - placed - plan.unplaced.length;
  const counted = `${placed} of ${placed + plan.unplaced.length} VMs placed on ${count(plan.objective.hostsUsed, 'host')}`;
  const aside = idle === 0 ? '' : `; ${count(idle, 'VM')} with start.auto: false not planned`;
  return `Pool ${model.cluster.name}: ${counted}${aside}. Largest load ${percent(plan.objective.maxLoad)}.\n${proof(model, plan)}${plan.stopped === true ? ' The search was stopped: this is the best plan so far.' : advice === '' ? '' : ` ${advice}`}`;
}

/** What is proven, down to the first level that isn't. */
function proof({ cluster }: PoolModel, plan: PlanJson): string {
  if (plan.status === 'optimal') return 'Proven: no placement is better.';
  if (plan.status === 'infeasible') return 'Proven: no VM can be placed.';
  const levels = levelsInWords(plan, cluster.placement);
  const first = levels.findIndex(({ open }) => open !== undefined);
  const proven = levels.slice(0, first < 0 ? levels.length : first).flatMap(({ proven: says }) => says ?? []);
  return `${proven.length === 0 ? '' : `Proven: ${list(proven)}. `}Not proven: ${levels[first]?.open ?? 'no placement is better'}.`;
}

interface LevelInWords {
  /** What being proven means, where it is worth telling. */
  readonly proven?: string;
  /** Absent: it is proven. */
  readonly open?: string;
}

function levelsInWords({ objective, bound }: PlanJson, { goal, survive }: PoolModel['cluster']['placement']): LevelInWords[] {
  const level = (isProven: boolean, proven: string | undefined, open: string): LevelInWords => ({ ...(proven === undefined ? {} : { proven }), ...(isProven ? {} : { open }) });
  const rank = objective.loads.findIndex((load, index) => load !== bound.loads[index]);
  const isEven = goal === 'balance';
  return [
    level(
      objective.unplacedPriority === bound.unplacedPriority && objective.unplaced === bound.unplaced,
      objective.unplaced === 0 ? 'all VMs are placed' : 'no placement leaves out less',
      `a placement that leaves out less may exist (at least ${count(bound.unplaced, 'VM')})`,
    ),
    level(
      objective.surviveShortfall === bound.surviveShortfall,
      survive === 0 ? undefined : objective.surviveShortfall === 0 ? `all find room when ${survive === 1 ? 'a host fails' : `${survive} hosts fail`}` : 'none bears failures better',
      `a placement that bears failures better may exist (${count(objective.surviveShortfall, 'VM')} without room, at least ${bound.surviveShortfall})`,
    ),
    level(objective.bytesMoved === bound.bytesMoved, objective.bytesMoved === 0 ? 'nothing has to move' : 'no fewer bytes will do', `fewer bytes moved may do (${bytes(objective.bytesMoved)}, at least ${bytes(bound.bytesMoved)})`),
    level(rank !== 0, isEven ? "the largest load can't be lower" : undefined, `the largest load may be brought down, but to no less than ${percent(bound.maxLoad)}`),
    level(rank < 0, isEven ? 'nor can the others be more even' : undefined, 'the loads after it may be evened out further'),
    level(objective.hostsUsed === bound.hostsUsed, isEven ? undefined : 'no fewer hosts will do', `fewer hosts may do, but no fewer than ${bound.hostsUsed}`),
    level(objective.moves === bound.moves, undefined, `fewer VMs may have to leave the place they had (${objective.moves}, at least ${bound.moves})`),
  ];
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

/** Only what runs already can fill a host beyond what it offers: its spec has changed meanwhile, or the host's has. */
function overfull({ hosts }: PoolLoads): string {
  const lines = hosts.flatMap(({ host, milliCpus, memoryBytes, arrays }) => {
    const over = [
      ...exceeded(milliCpus, (used) => vcpus(used)),
      ...exceeded(memoryBytes, (used) => `${bytes(used)} of memory`),
      ...arrays.flatMap(({ name, bandwidthBps, spaceBytes }) => [...exceeded(bandwidthBps, (used) => `${bandwidth(used)} of ${name}`), ...exceeded(spaceBytes, (used) => `${bytes(used)} of space on ${name}`)]),
    ];
    return over.length === 0 ? [] : [`${host} can't give what the specs of its VMs ask for: ${list(over)} too little. What runs stays.`];
  });
  return lines.join('\n');
}

function exceeded({ used, capacity }: Load, write: (excess: number) => string): string[] {
  return used > capacity ? [write(used - capacity)] : [];
}

function leftOut(unplaced: readonly UnplacedVm[]): string {
  if (unplaced.length === 0) return '';
  const lines = alikeVms(unplaced).flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    return [`  ${someOf(alike.map(({ vm }) => vm))} (priority ${first.priority})`, ...shortened(first.reasons, 'hosts').map((reason) => `    ${reason}`), ...conflictLines(first.conflict), ...remedyLines(first.remedies, alike.length > 1 ? 'one of them' : 'it')];
  });
  return ['Left out:', ...lines].join('\n');
}

function conflictLines(conflict: readonly string[]): string[] {
  // A single requirement repeats its reason.
  return conflict.length < 2 ? [] : ["    These can't hold together:", ...conflict.map((requirement) => `      - ${requirement}`)];
}

function remedyLines(remedies: readonly string[] = [], whom: string): string[] {
  return remedies.length === 0 ? [] : [`    Any of these would let ${whom} in:`, ...remedies.map((remedy) => `      - ${remedy}`)];
}

function failures({ failures: all }: PlanJson): string {
  return shortened(all.map(({ hosts, vms }) => `If ${list(hosts)} ${hosts.length === 1 ? 'fails' : 'fail'}, ${someOf(vms)} ${vms.length === 1 ? 'finds' : 'find'} no room elsewhere.`), 'failures after which VMs find no room').join('\n');
}

function actions(all: readonly PlanAction[]): string {
  if (all.length === 0) return 'Nothing to do.';
  const width = String(all.length).length;
  // Without moves only a VM's own disks and `start.after` make it wait, which the order shows.
  if (!all.some(({ kind }) => kind === 'migrate' || kind === 'move-disk')) return ['Actions:', ...all.map((action, index) => `  ${String(index + 1).padStart(width)}. ${actionText(action)}`)].join('\n');
  const waits = ({ after }: PlanAction) => (after.length === 0 ? '' : `, after ${list(after.map((earlier) => String(earlier + 1)))}`);
  return [`Actions, about ${duration(longestWay(all))} when those that needn't wait run at the same time:`, ...all.map((action, index) => `  ${String(index + 1).padStart(width)}. ${actionText(action)}${waits(action)}`), '`pxen boot` moves nothing; with --max-moves 0 this is the plan it follows.'].join('\n');
}

function lost(model: PoolModel, plan: PlanJson): string {
  const lines = lostDisks(model, plan).map(({ disk, lay, bytes: size, instead }) => `  ${disk}${size === undefined ? '' : ` (${bytes(size)})`} lies on ${lay}; ${instead}`);
  return lines.length === 0 ? '' : ['Data on hosts taken away, lost unless restored:', ...shortened(lines, 'disks')].join('\n');
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

/** Nobody reads a hundred lines that say nearly the same. */
function shortened(lines: readonly string[], what: string): string[] {
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more ${what}; --json tells all`] : [...lines];
}

const MOST_LINES = 8;
