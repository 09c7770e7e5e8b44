import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../src/protocol';
import { aHost, aModel, aVm } from './models';
import { type Backend, type Kill, World } from './world';

const model = () =>
  aModel(
    [aHost('node1'), aHost('node2')],
    [aVm('dns1', { disks: ['root'], priority: 90 }), aVm('db1', { disks: ['root', 'data'], after: ['dns1'] }), aVm('web1', { after: ['db1'], delayMs: 5_000 }), aVm('log1', { disks: ['root'], on: ['node2'] })],
  );

const VMS = ['db1', 'dns1', 'log1', 'web1'];
const DISKS = ['db1/data', 'db1/root', 'dns1/root', 'log1/root'];

async function untilEnd(world: World, backend: Backend): Promise<PoolSnapshot | undefined> {
  const { run } = backend;
  if (run === undefined) return undefined;
  return world.clock.runUntil(Promise.race([run.settled, backend.died.then(() => undefined)]));
}

/** Backends are killed one after the other, then one is left alone. */
async function liveThrough(kills: readonly Kill[], world = new World(model())): Promise<{ readonly world: World; readonly snapshot: PoolSnapshot | undefined; readonly backend: Backend }> {
  for (const kill of kills) {
    const backend = await world.startBackend(kill);
    await untilEnd(world, backend);
    // One that finished before its time came is killed now.
    backend.die();
  }
  const backend = await world.startBackend();
  return { world, backend, snapshot: await untilEnd(world, backend) };
}

/** Looks every second of the world's time. */
function until(world: World, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (condition()) resolve();
      else world.clock.after(1_000, look);
    };
    look();
  });
}

function expectWhole(world: World, snapshot: PoolSnapshot | undefined): void {
  expect(world.violations).toEqual([]);
  expect(snapshot?.phase).toBe('up');
  expect(world.running().map((text) => text.split(' ')[0])).toEqual(VMS);
  expect(world.disks().map((text) => text.split(' ')[0])).toEqual(DISKS);
}

describe('a backend that is killed', () => {
  it('leaves a world that the next one completes, whatever it was doing', async () => {
    const undisturbed = await liveThrough([]);
    expectWhole(undisturbed.world, undisturbed.snapshot);
    const total = undisturbed.backend.actions;
    expect(total).toBeGreaterThan(25);
    for (let action = 1; action <= total; action += 1) {
      for (const when of ['before', 'after'] as const) {
        const { world, snapshot } = await liveThrough([{ action, when }]);
        expectWhole(world, snapshot);
        // Nothing was done twice, and no host was made to boot again.
        expect(new Set(world.deeds).size, `killed ${when} action ${action}`).toBe(world.deeds.length);
        expect([...world.machines.values()].map(({ boots }) => boots)).toEqual([1, 1]);
      }
    }
  });

  it('again and again, at any moments, does no harm either', async () => {
    const kill = fc.record({ action: fc.integer({ min: 1, max: 40 }), when: fc.constantFrom('before' as const, 'after' as const) });
    await fc.assert(
      fc.asyncProperty(fc.array(kill, { minLength: 2, maxLength: 5 }), async (kills) => {
        const { world, snapshot } = await liveThrough(kills);
        expectWhole(world, snapshot);
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  it('and finds everything as it should be changes nothing at all', async () => {
    const { world } = await liveThrough([]);
    const deeds = [...world.deeds];
    const again = await liveThrough([], world);
    expectWhole(world, again.snapshot);
    expect(world.deeds).toEqual(deeds);
    expect([...world.machines.values()].map(({ boots }) => boots)).toEqual([1, 1]);
  });
});

describe('a pool with shared storage', () => {
  const shared = () => aModel([aHost('node1'), aHost('node2')], [aVm('db1', { disks: ['root'], storage: 'nas' }), aVm('web1', { disks: ['root'], storage: 'nas' })]);

  it('makes no disk in the RAM of a host that couldn’t mount it, and runs all on the other', async () => {
    const { world, snapshot } = await liveThrough([], new World(shared(), { withoutStorage: ['node1'] }));
    expect(world.violations).toEqual([]);
    expect(snapshot?.phase).toBe('up');
    expect(world.running()).toEqual(['db1 on node2', 'web1 on node2']);
  });

  it('starts nothing that needs it when no host could mount it, and says why', async () => {
    const { world, snapshot } = await liveThrough([], new World(shared(), { withoutStorage: ['node1', 'node2'] }));
    expect(world.violations).toEqual([]);
    expect(world.disks()).toEqual([]);
    expect(snapshot?.phase).toBe('partly');
    expect(snapshot?.vms[0]).toMatchObject({ state: 'unplaced', reason: "node1 hasn't mounted shared storage nas (no route); node2 hasn't mounted shared storage nas (no route)" });
  });
});

describe('a pool that runs', () => {
  it('takes no VM for ended that was started while the hosts were being asked', async () => {
    const hosts = Array.from({ length: 8 }, (_, index) => aHost(`node${index + 1}`));
    const vms = Array.from({ length: 60 }, (_, index) => aVm(`vm${index}`, { disks: ['root'], priority: index % 7 }));
    const { world, snapshot } = await liveThrough([], new World(aModel(hosts, vms)));
    expect(world.violations).toEqual([]);
    expect(world.running()).toHaveLength(60);
    expect(snapshot?.vms.filter(({ state }) => state !== 'running')).toEqual([]);
  });

  it('notices that a guest which it saw shutting down has ended', async () => {
    const { world, backend } = await liveThrough([]);
    const stateOf = () => backend.run?.snapshot().vms.find(({ name }) => name === 'web1');
    world.setGuest('web1', 'shutdown');
    await world.clock.runUntil(until(world, () => stateOf()?.state === 'stopping'));
    world.setGuest('web1', undefined);
    await world.clock.runUntil(until(world, () => stateOf()?.state !== 'stopping'));
    expect(stateOf()).toMatchObject({ state: 'stopped', reason: expect.stringMatching(/ended by itself/) as string });
    expect(backend.run?.snapshot().phase).toBe('up');
  });

  it('brings a host back whose plug was pulled, with its VMs', async () => {
    const { world, backend } = await liveThrough([]);
    world.pullPlug('node2');
    await world.clock.runUntil(until(world, () => backend.run?.snapshot().phase === 'up' && world.machines.get('node2')?.boots === 2));
    expectWhole(world, backend.run?.snapshot());
  });

  it('finds a host again whose session broke after somebody had fetched its boot script', async () => {
    const { world, backend } = await liveThrough([]);
    await world.clock.runUntil(world.fetchScript('node2'));
    const from = backend.events.length;
    world.breakSessions('node2');
    const wasLost = () => backend.events.slice(from).some((event) => event.event === 'host' && event.host.name === 'node2' && event.host.state === 'waking');
    const isFoundOrGivenUp = () => backend.run?.snapshot().phase === 'up' || backend.run?.snapshot().hosts[1]?.state === 'failed';
    await world.clock.runUntil(until(world, wasLost));
    await world.clock.runUntil(until(world, isFoundOrGivenUp));
    expectWhole(world, backend.run?.snapshot());
    expect(world.machines.get('node2')?.boots).toBe(1);
  });

  it('is up but for a host that never comes, and says why', async () => {
    const world = new World(model(), { dead: ['node1'] });
    const { snapshot, backend } = await liveThrough([], world);
    expect(world.violations).toEqual([]);
    expect(snapshot?.phase).toBe('partly');
    // No VM is bound to node1, and none has a disk yet: all run on the other.
    expect(world.running()).toEqual(VMS.map((vm) => `${vm} on node2`));
    expect(snapshot?.hosts[0]).toMatchObject({ state: 'failed', cause: expect.stringMatching(/node1 didn't show itself within 50 s, after 7 magic packets/) as string, remedy: expect.stringMatching(/power and network cable/) as string });
    // Nothing has to be done to switch off what was never on.
    const down = await world.clock.runUntil(backend.run!.shutDown({ force: false }, new AbortController().signal));
    expect(down).toMatchObject({ phase: 'down', hosts: [{ state: 'off' }, { state: 'off' }] });
  });

  it('shuts down VMs in reverse start order, then its hosts, and remembers that they are off', async () => {
    const { world, backend } = await liveThrough([]);
    const seen: string[] = [];
    const run = backend.run!;
    const from = backend.events.length;
    const snapshot = await world.clock.runUntil(run.shutDown({ force: false }, new AbortController().signal));
    for (const event of backend.events.slice(from)) {
      if (event.event === 'vm' && event.vm.state === 'stopped') seen.push(event.vm.name);
      if (event.event === 'host') seen.push(`${event.host.name} ${event.host.state}`);
    }
    expect(snapshot.phase).toBe('down');
    expect(seen.indexOf('web1')).toBeLessThan(seen.indexOf('db1'));
    expect(seen.indexOf('db1')).toBeLessThan(seen.indexOf('dns1'));
    expect(seen.slice(-2).sort()).toEqual(['node1 off', 'node2 off']);
    expect(world.running()).toEqual([]);
    await run.close();
    // The next boot wakes at once, as it knows them to be off, and starts all from the disks that exist.
    const made = world.deeds.filter((deed) => deed.startsWith('make')).length;
    const again = await liveThrough([], world);
    expectWhole(world, again.snapshot);
    expect(world.deeds.filter((deed) => deed.startsWith('make'))).toHaveLength(made);
  });
});
