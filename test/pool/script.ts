/**
 * Plays a script of events to the pool's machine and writes down what it does, in the manner of etcd-io/raft's test data.
 *
 *   host node1 arrays=r0 keys            a host; `keys`: its last boot's keys are known; `off`: PXEN switched it off
 *   vm db1 disks=root after=dns1         a VM; also priority=, delay=, memory=, on=, apart=, shared, manual
 *   lock db1=node1 db1/root=node1/r0:1   what the drive records; `:adopted`: merely found
 *   pool timeout=100s attempts=2         also at-once= and pause=: how many hosts are switched on in one wave, and from one to the next
 *   @3s dhcp node1 bios                  at second 3 this happens; ticks that fall due before it come first
 *
 * Lines that begin with two spaces are the machine's answer; they are written anew by PXEN_UPDATE_GOLDENS=1.
 */

import type { PlanJson, PoolSnapshot } from '../../src/protocol';
import type { PlacementLock } from '../../src/backend/drive/state';
import type { ArrayReport, DiskRecord, Domain } from '../../src/backend/hosts/control';
import { type PoolEffect, type PoolInput, type PoolState, isSettled, nextDeadline, openPool, poolTiming, snapshotOf, step } from '../../src/backend/pool/machine';
import { aHost, aModel, aVm, parsePlace, uuidOf } from './models';

export function play(text: string): string {
  const lines = text.split('\n').filter((line) => !line.startsWith('  ') && line.trim() !== '');
  const setup = lines.filter((line) => !line.startsWith('@') && !line.startsWith('#'));
  let state = open(setup);
  let shown = snapshotOf(state, 0);
  let settled = false;
  let effectsPending: PoolEffect[] = [];
  const out: string[] = [];

  const take = (input: PoolInput, nowMs: number) => {
    const result = step(state, input, nowMs);
    state = result.state;
    effectsPending.push(...result.effects);
    for (const effect of result.effects) out.push(`  → ${effectInWords(effect)}`);
    const snapshot = snapshotOf(state, nowMs);
    out.push(...changes(shown, snapshot).map((line) => `  ${line}`));
    shown = snapshot;
    if (isSettled(state) !== settled) {
      settled = isSettled(state);
      out.push(`  pool: ${snapshot.phase}`);
    }
  };

  const fired = { until: 0 };
  for (const line of lines) {
    if (!line.startsWith('@')) {
      if (line.startsWith('#') && out.length > 0) out.push('');
      out.push(line);
      continue;
    }
    const [at = '', ...words] = line.split(' ');
    const nowMs = seconds(at.slice(1)) * 1000;
    const ticks: string[] = [];
    for (;;) {
      const due = nextDeadline(state);
      if (due === undefined || due >= nowMs || due < fired.until) break;
      fired.until = due + 1;
      const before = out.length;
      take({ kind: 'tick' }, due);
      if ((nextDeadline(state) ?? Number.POSITIVE_INFINITY) <= due) throw new Error(`what was due at ${due / 1000} s is due for ever`);
      if (out.length > before) out.splice(before, 0, `  @${due / 1000}s`);
    }
    out.push(...ticks, line);
    fired.until = nowMs;
    if (words.length === 0) continue;
    const input = parseInput(words, effectsPending, state, nowMs);
    effectsPending = effectsPending.filter((effect) => !answers(input, effect));
    take(input, nowMs);
  }
  return `${out.join('\n')}\n`;
}

function open(setup: readonly string[]): PoolState {
  const hosts = setup.filter((line) => line.startsWith('host ')).map((line) => parseWords(line));
  const vms = setup.filter((line) => line.startsWith('vm ')).map((line) => parseWords(line));
  const pool = parseWords(setup.find((line) => line.startsWith('pool ')) ?? 'pool x');
  const lock: { assignments: Record<string, string>; disks: Record<string, PlacementLock['disks'][string]> } = { assignments: {}, disks: {} };
  for (const word of setup.filter((line) => line.startsWith('lock ')).flatMap((line) => line.split(' ').slice(1))) {
    const [key = '', value = ''] = word.split('=');
    if (!key.includes('/')) lock.assignments[key] = value;
    else lock.disks[key] = { ...parsePlace(value), sizeBytes: 1, ...(value.endsWith(':adopted') && { adopted: true }) };
  }
  const model = aModel(
    hosts.map(({ name, options }) => aHost(name, list(options['arrays']))),
    vms.map(({ name, options }) =>
      aVm(name, {
        disks: list(options['disks']),
        after: list(options['after']),
        delayMs: seconds(options['delay'] ?? '0s') * 1000,
        priority: Number(options['priority'] ?? 50),
        auto: options['manual'] === undefined,
        ...(options['on'] === undefined ? {} : { on: list(options['on']) }),
        ...(options['shared'] === undefined ? {} : { storage: 'nas' }),
      }),
    ),
  );
  return openPool(
    {
      model,
      vmUuids: Object.fromEntries(vms.map(({ name }) => [name, uuidOf(name)])),
      lock,
      pasts: Object.fromEntries(hosts.map(({ name, options }) => [name, { hasKeys: options['keys'] !== undefined, poweredOff: options['off'] !== undefined }])),
      timing: poolTiming({ timeoutMs: seconds(pool.options['timeout'] ?? '100s') * 1000, attempts: Number(pool.options['attempts'] ?? 1), wakeAtOnce: Number(pool.options['at-once'] ?? 4), wakePauseMs: seconds(pool.options['pause'] ?? '3s') * 1000 }),
    },
    0,
  );
}

function parseInput(words: readonly string[], pending: readonly PoolEffect[], state: PoolState, nowMs: number): PoolInput {
  const [kind = '', subject = '', ...rest] = words;
  const reason = rest.join(' ');
  switch (kind) {
    case 'start':
    case 'tick':
    case 'watch':
      return { kind };
    case 'dhcp':
      return { kind, host: subject, client: (rest[0] ?? 'bios') as 'bios' | 'uefi' | 'ipxe' | 'os' };
    case 'bootloader':
    case 'script':
    case 'hello':
      return { kind, host: subject };
    case 'image': {
      const [sent = 0, total = 1] = (rest[1] ?? '').split('/').map(Number);
      return { kind, host: subject, file: rest[0] ?? '', bytesSent: sent, bytesTotal: total };
    }
    case 'wake-failed':
    case 'disconnected':
    case 'bring-up-failed':
      return { kind, host: subject, reason };
    case 'connect-failed':
      return { kind, host: subject, reason, stranger: reason.startsWith('stranger') };
    case 'connected':
      return { kind, host: subject, facts: { bootId: rest[0] ?? 'boot-1', xenVersion: '4.20', cpus: Number(rest[1] ?? 8), memoryBytes: 32 * 2 ** 30, freeMemoryBytes: 30 * 2 ** 30 } };
    case 'arrays-read':
      return arraysRead(subject, rest, state, nowMs);
    case 'planned':
      return { kind, plan: parsePlan([subject, ...rest]) };
    case 'plan-failed':
      return { kind, reason: [subject, ...rest].join(' ') };
    case 'disk-created': {
      const effect = pending.find((one) => one.kind === 'create-disk' && `${one.vm}/${one.disk}` === subject);
      if (effect?.kind !== 'create-disk') throw new Error(`no disk ${subject} is being made`);
      return { kind, vm: effect.vm, disk: effect.disk, place: effect.place, record: effect.record };
    }
    case 'disk-failed': {
      const [vm = '', disk = ''] = subject.split('/');
      return { kind, vm, disk, host: rest[0] ?? '', reason: rest.slice(1).join(' ') };
    }
    case 'lock-written':
      return { kind, serial: state.lock.serial };
    case 'lock-failed':
      return { kind, serial: state.lock.serial, reason: [subject, ...rest].join(' ') };
    case 'surveyed':
      return {
        kind,
        round: state.survey.round,
        answers: Object.fromEntries(
          [subject, ...rest].map((word) => {
            const [host = '', domains = ''] = word.split('=');
            return [host, domains.startsWith('!') ? { failed: domains.slice(1) } : { domains: list(domains).map(parseDomain) }];
          }),
        ),
      };
    case 'vm-started':
      return { kind, vm: subject, host: rest[0] ?? '' };
    case 'vm-start-failed':
      return { kind, vm: subject, host: rest[0] ?? '', reason: rest.slice(1).join(' ') };
    default:
      throw new Error(`unknown event "${kind}"`);
  }
}

/** `arrays-read node1 r1=missing r0:db1/root:2 domains=db1`; arrays that aren't named are clean and empty. `nas=unmounted`: shared storage; `begun=2s`: when it was asked. */
function arraysRead(host: string, words: readonly string[], state: PoolState, nowMs: number): PoolInput {
  const troubled = new Map(words.filter((word) => /^[^:]+=(missing|degraded|refused)$/.test(word)).map((word) => word.split('=') as [string, 'missing' | 'degraded' | 'refused']));
  const disks = words.filter((word) => /^[^=]+:.+\/.+:\d+$/.test(word)).map((word) => word.split(':') as [string, string, string]);
  const begun = words.find((word) => word.startsWith('begun='))?.slice('begun='.length);
  const domains = words.find((word) => word.startsWith('domains='))?.slice('domains='.length);
  const arrays = (state.hosts.get(host)?.spec.arrays ?? []).map(({ name, capacityBytes }): ArrayReport => {
    const trouble = troubled.get(name);
    const mounted = trouble !== 'missing' && trouble !== 'refused';
    return {
      status: { name, state: trouble ?? 'clean', mounted, ...(trouble === undefined ? {} : { detail: `the array is ${trouble}` }) },
      capacityBytes,
      disks: disks.filter(([array]) => array === name).map(([, key, generation]) => recordOf(key, Number(generation))),
    };
  });
  return { kind: 'arrays-read', host, readAt: begun === undefined ? nowMs : seconds(begun) * 1000, askedAt: nowMs, arrays, storage: storageOf(state, disks, words), domains: list(domains).map(parseDomain) };
}

function storageOf(state: PoolState, disks: readonly (readonly [string, string, string])[], words: readonly string[]) {
  return state.config.model.cluster.storage.map(({ name }) => ({
    name,
    ...(words.includes(`${name}=unmounted`) ? { mounted: false, detail: 'mount.nfs: Connection timed out' } : { mounted: true }),
    disks: disks.filter(([place]) => place === name).map(([, key, generation]) => recordOf(key, Number(generation))),
  }));
}

/** `db1` runs; `db1:crashed`; `db1@other` has another UUID than the VM of that name. */
function parseDomain(word: string, index: number): Domain {
  const [who = '', domainState = 'running'] = word.split(':');
  const [name = '', other] = who.split('@');
  return { name, uuid: uuidOf(other ?? name), id: index + 1, memoryBytes: 2 ** 30, vcpus: 1, state: domainState as Domain['state'] };
}

function recordOf(key: string, generation: number): DiskRecord {
  const [vm = '', disk = ''] = key.split('/');
  return { vm, vmUuid: uuidOf(vm), disk, generation, sizeBytes: 2 ** 30 };
}

/** `db1=node1 db1/root=node1/r0 web1!no host has room` */
function parsePlan(words: readonly string[]): PlanJson {
  const assignments: Record<string, string> = {};
  const disks: Record<string, PlanJson['disks'][string]> = {};
  const unplaced: PlanJson['unplaced'][number][] = [];
  for (const word of words) {
    const [key = '', value = ''] = word.split(/[=!]/);
    if (word.includes('!')) unplaced.push({ vm: key, priority: 50, reasons: [value.replaceAll('_', ' ')], conflict: [] });
    else if (key.includes('/')) disks[key] = parsePlace(value).place;
    else assignments[key] = value;
  }
  const objective = { unplacedPriority: 0, unplaced: 0, surviveShortfall: 0, bytesMoved: 0, maxLoad: 0, loads: [], hostsUsed: 0, moves: 0 };
  return { status: 'optimal', gap: 0, assignments, disks, unplaced, failures: [], actions: [], objective, bound: objective };
}

function answers(input: PoolInput, effect: PoolEffect): boolean {
  return input.kind === 'disk-created' && effect.kind === 'create-disk' && effect.vm === input.vm && effect.disk === input.disk;
}

function effectInWords(effect: PoolEffect): string {
  switch (effect.kind) {
    case 'wake':
    case 'disconnect':
    case 'bring-up':
      return `${effect.kind} ${effect.host}`;
    case 'connect':
      return `connect ${effect.host} (${effect.purpose})`;
    case 'plan': {
      const { model, inventory } = effect;
      const vms = model.vms.map(({ name, placement }) => (placement.on === undefined ? name : `${name}@${placement.on.join('|')}`));
      const away = Object.entries(inventory.hosts).filter(([, { available }]) => !available).map(([name]) => name);
      return `plan ${vms.join(' ')}${away.length === 0 ? '' : ` without ${away.join(' ')}`}`;
    }
    case 'create-disk':
      return `create-disk ${effect.vm}/${effect.disk} on ${'storage' in effect.place ? effect.place.storage : `${effect.place.host}/${effect.place.array}`} generation ${effect.record.generation}`;
    case 'write-lock': {
      const { assignments, disks } = effect.lock;
      const entries = [...Object.entries(assignments).map(([vm, host]) => `${vm}=${host}`), ...Object.entries(disks).map(([key, { place, generation, adopted }]) => `${key}=${'storage' in place ? place.storage : `${place.host}/${place.array}`}:${generation}${adopted === true ? ':adopted' : ''}`)];
      return `write-lock ${entries.join(' ')}`;
    }
    case 'survey':
      return `survey ${effect.hosts.join(' ')}`;
    case 'start-vm':
      return `start-vm ${effect.vm} on ${effect.host}`;
  }
}

function changes(before: PoolSnapshot, after: PoolSnapshot): readonly string[] {
  const hosts = after.hosts.flatMap((host, index) => {
    const text = ({ name, state, percent, attempt, waits, cause }: PoolSnapshot['hosts'][number]) =>
      `${name}: ${state} ${percent} %${attempt > 1 ? ` (attempt ${attempt})` : ''}${waits === undefined ? '' : `, ${waits}`}${cause === undefined ? '' : ` — ${cause}`}`;
    const former = before.hosts[index];
    return former !== undefined && text(former) === text(host) ? [] : [text(host)];
  });
  const vms = after.vms.flatMap((vm, index) => {
    const text = ({ name, state, host, reason }: PoolSnapshot['vms'][number]) =>
      `${name}: ${state}${host === undefined ? '' : ` on ${host}`}${reason === undefined ? '' : ` — ${reason}`}`;
    const former = before.vms[index];
    return former !== undefined && text(former) === text(vm) ? [] : [text(vm)];
  });
  return [...hosts, ...vms];
}

function parseWords(line: string): { readonly name: string; readonly options: Readonly<Record<string, string>> } {
  const [, name = '', ...rest] = line.split(' ');
  const words = line.startsWith('pool ') ? [name, ...rest] : rest;
  return { name, options: Object.fromEntries(words.map((word) => [word.split('=')[0] ?? '', word.split('=')[1] ?? ''])) };
}

function list(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split(',');
}

function seconds(text: string): number {
  return Number(text.replace(/s$/, ''));
}
