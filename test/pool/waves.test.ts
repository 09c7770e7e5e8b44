import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextDeadline, openPool, type PoolInput, poolTiming, snapshotOf, step } from '../../src/backend/pool/machine';
import { aHost, aModel } from './models';
import { World } from './world';

interface Woken {
  readonly host: string;
  readonly at: number;
}

interface Happening {
  readonly at: number;
  /** By its index; those beyond the rack's end count from its beginning again. */
  readonly host: number;
  readonly kind: 'shows itself' | 'no packet left';
}

interface Rack {
  readonly hosts: number;
  readonly atOnce: number;
  readonly pauseMs: number;
  readonly happenings: readonly Happening[];
  /** So many more come first on the drive that no packet switches on. */
  readonly byController?: number;
}

const ATTEMPT_MS = 100_000;
/** A host's share of the attempt to show itself in, see `stepLimits`. */
const SHOWS_WITHIN_MS = 50_000;

const rack: fc.Arbitrary<Rack> = fc.record({
  hosts: fc.integer({ min: 1, max: 24 }),
  atOnce: fc.integer({ min: 1, max: 6 }),
  pauseMs: fc.integer({ min: 1, max: 5_000 }),
  happenings: fc.array(fc.record({ at: fc.integer({ min: 0, max: 90_000 }), host: fc.nat({ max: 23 }), kind: fc.constantFrom('shows itself', 'no packet left') }), { maxLength: 30 }),
});

const nameOf = (index: number) => `node${String(index + 1).padStart(2, '0')}`;

function inputOf({ host, kind }: Happening, hosts: number): PoolInput {
  const name = nameOf(host % hosts);
  return kind === 'shows itself' ? { kind: 'dhcp', host: name, client: 'bios' } : { kind: 'wake-failed', host: name, reason: 'the interface is down' };
}

/** Boots hosts that were never booted for as long as `untilMs`, and tells what was sent when. */
function boot({ hosts, atOnce, pauseMs, happenings, byController = 0 }: Rack, untilMs: number): { readonly woken: readonly Woken[]; readonly failedAt: ReadonlyMap<string, number> } {
  const controlled = Array.from({ length: byController }, (_, index) => ({ ...aHost(`ipmi${index}`), wake: { method: 'ipmi' as const, address: '10.77.1.1' } }));
  const model = aModel([...controlled, ...Array.from({ length: hosts }, (_, index) => aHost(nameOf(index)))], []);
  const woken: Woken[] = [];
  const failedAt = new Map<string, number>();
  let state = openPool({ model, vmUuids: {}, lock: { assignments: {}, disks: {} }, pasts: {}, timing: poolTiming({ timeoutMs: ATTEMPT_MS, attempts: 1, wakeAtOnce: atOnce, wakePauseMs: pauseMs }) }, 0);
  const take = (input: PoolInput, now: number) => {
    const result = step(state, input, now);
    state = result.state;
    for (const effect of result.effects) if (effect.kind === 'wake') woken.push({ host: effect.host, at: now });
    for (const host of snapshotOf(state, now).hosts) if (host.state === 'failed' && !failedAt.has(host.name)) failedAt.set(host.name, now);
  };
  take({ kind: 'start' }, 0);
  const ticksUntil = (end: number) => {
    for (let due = nextDeadline(state); due !== undefined && due <= end; due = nextDeadline(state)) take({ kind: 'tick' }, due);
  };
  for (const happening of [...happenings].sort((a, b) => a.at - b.at)) {
    ticksUntil(happening.at);
    take(inputOf(happening, hosts), happening.at);
  }
  ticksUntil(untilMs);
  return { woken, failedAt };
}

describe('hosts are switched on in waves', () => {
  it('of which those take no place that no packet switches on', () => {
    const { woken } = boot({ hosts: 3, byController: 9, atOnce: 2, pauseMs: 1_000, happenings: [] }, 1_500);
    expect(woken.filter(({ host }) => host.startsWith('node'))).toEqual([{ host: 'node01', at: 0 }, { host: 'node02', at: 0 }, { host: 'node03', at: 1_000 }]);
    expect(woken.filter(({ host, at }) => host.startsWith('ipmi') && at === 0)).toHaveLength(9);
  });

  it('never more of them within the pause than the drive allows, whatever happens and however often packets are sent again', () => {
    fc.assert(
      fc.property(rack, (some) => {
        const { woken } = boot(some, 120_000);
        for (const { at } of woken) expect(woken.filter((other) => other.at >= at && other.at < at + some.pauseMs).length).toBeLessThanOrEqual(some.atOnce);
      }),
    );
  });

  it('in the order of the drive, each as soon as its wave is there, and none waits for what is sent again', () => {
    fc.assert(
      fc.property(rack, (some) => {
        const { woken } = boot({ ...some, happenings: [] }, 120_000);
        const firsts = Array.from({ length: some.hosts }, (_, index) => woken.find(({ host }) => host === nameOf(index))?.at);
        expect(firsts).toEqual(firsts.map((_, index) => Math.floor(index / some.atOnce) * some.pauseMs));
      }),
    );
  });

  it('and the time of each attempt counts from its own wave', () => {
    const { failedAt } = boot({ hosts: 10, atOnce: 4, pauseMs: 20_000, happenings: [] }, 200_000);
    expect([...failedAt]).toEqual(Array.from({ length: 10 }, (_, index) => [nameOf(index), Math.floor(index / 4) * 20_000 + SHOWS_WITHIN_MS]));
  });

  it('those that show themselves meanwhile leave their places to others', () => {
    const shown = [4, 5, 6, 7].map((host) => ({ at: 1_000, host, kind: 'shows itself' as const }));
    const { woken } = boot({ hosts: 10, atOnce: 4, pauseMs: 3_000, happenings: shown }, 3_500);
    expect(woken.filter(({ at }) => at === 3_000).map(({ host }) => host)).toEqual(['node09', 'node10', 'node01', 'node02']);
    expect(woken.some(({ host }) => host === 'node05')).toBe(false);
  });

  it('as many at once as there are hosts are no waves', () => {
    const { woken } = boot({ hosts: 10, atOnce: 10, pauseMs: 3_000, happenings: [] }, 1_000);
    expect(woken).toEqual(Array.from({ length: 10 }, (_, index) => ({ host: nameOf(index), at: 0 })));
  });
});

describe('a boot', () => {
  it('wakes in the waves that pxen.yaml names, and tells who waits', async () => {
    const model = aModel(['node1', 'node2', 'node3', 'node4', 'node5'].map((name) => aHost(name)), []);
    const world = new World({ ...model, cluster: { ...model.cluster, boot: { ...model.cluster.boot, wakeAtOnce: 2, wakePauseMs: 10_000 } } });
    const begun = world.clock.now();
    const backend = await world.startBackend();
    await world.clock.runUntil(backend.run!.settled);
    const told = backend.events.flatMap((event) => (event.event === 'host' && event.host.state === 'waking' ? [`${(Date.parse(event.at) - begun) / 1000} s: ${event.host.name} ${event.host.waits ?? 'is woken'}`] : []));
    expect(told).toEqual([
      '0 s: node1 is woken',
      '0 s: node2 is woken',
      '0 s: node3 waits to be switched on: 2 at a time, every 10 s',
      '0 s: node4 waits to be switched on: 2 at a time, every 10 s',
      '0 s: node5 waits to be switched on: 2 at a time, every 10 s',
      '10 s: node3 is woken',
      '10 s: node4 is woken',
      '20 s: node5 is woken',
    ]);
    expect(backend.run!.snapshot().phase).toBe('up');
  });

  it('tells once what waking a host warns of, however often its packets are sent again', async () => {
    const world = new World(aModel([aHost('node1'), aHost('node2')], []), { wakeWarning: 'one target only', dead: ['node1'] });
    const backend = await world.startBackend();
    await world.clock.runUntil(backend.run!.settled);
    expect(world.told).toEqual(['warn: node1: one target only', 'warn: node2: one target only']);
  });
});
