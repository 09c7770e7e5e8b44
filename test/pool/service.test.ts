import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import type { BackendRecord, BootResult, PoolEvent, PoolSnapshot } from '../../src/protocol';
import { loadDrive } from '../../src/backend/drive/load';
import { openDriveState } from '../../src/backend/drive/stateStore';
import { createBootTokens } from '../../src/backend/netboot/tokens';
import { claimPool, findBackend } from '../../src/backend/pool/claim';
import { attachTo, serveConnection } from '../../src/backend/pool/rpc';
import { PoolService } from '../../src/backend/pool/service';
import { systemClock, systemRandom } from '../../src/backend/system';
import { emptyFolder, smallDrive } from './driveFolder';
import { environment, World, type WorldOptions } from './world';

const never = new AbortController().signal;

interface Opened {
  readonly drive: string;
  readonly world: World;
  readonly service: PoolService;
  readonly events: PoolEvent[];
  readonly told: string[];
  readonly stopped: { asked: boolean };
}

async function openService(options: WorldOptions = {}, drive?: string, world?: World): Promise<Opened> {
  const root = drive ?? (await smallDrive());
  const { model } = await loadDrive(root);
  if (model === undefined) throw new Error('the small drive has errors');
  const machines = world ?? new World(model, { clock: systemClock, ...options });
  const events: PoolEvent[] = [];
  const told: string[] = [];
  const stopped = { asked: false };
  const service = new PoolService({
    openEnvironment: () => Promise.resolve(environment(root)),
    parts: machines.parts(),
    log: (level, sentence) => told.push(`${level}: ${sentence}`),
    onEvent: (event) => events.push(event),
    onStop: () => (stopped.asked = true),
  });
  onTestFinished(() => service.close());
  return { drive: root, world: machines, service, events, told, stopped };
}

const boot = ({ drive }: Opened) => ({ drive, target: 'machines' as const });

async function recordOf(drive: string): Promise<BackendRecord> {
  return JSON.parse(await readFile(path.join(drive, 'state', 'backend.json'), 'utf8')) as BackendRecord;
}

describe('a backend', () => {
  it('boots a pool, tells every change, and leaves hosts and VMs running when it ends', async () => {
    const opened = await openService();
    const { exitCode, snapshot } = await opened.service.boot(boot(opened), never);
    expect(exitCode).toBe(0);
    expect(snapshot).toMatchObject({ cluster: 'smallpool', phase: 'up' });
    expect(snapshot.vms.map(({ state }) => state)).toEqual(['running', 'running']);
    expect(opened.events.map(({ event }) => event)).toEqual(expect.arrayContaining(['serving', 'host', 'vm', 'netboot', 'pool']));
    await opened.service.close();
    expect(opened.world.running()).toHaveLength(2);
    await expect(stat(path.join(opened.drive, 'state', 'backend.json'))).rejects.toThrow(/ENOENT/);
  });

  it('tells before it wakes anybody which files VMs will lack, and boots the others', async () => {
    const drive = await smallDrive();
    const spec = path.join(drive, 'vms', 'web1.vm.yaml');
    const text = await readFile(spec, 'utf8');
    await writeFile(spec, text.replace('bootloader: pygrub', 'kernel: guests/vmlinuz').replace('bandwidth: 1MB/s', 'bandwidth: 1MB/s, source: guests/debian.raw'));
    const opened = await openService({}, drive);
    await opened.service.boot(boot(opened), never);
    const missing = (file: string) => `warn: There is no file ${file} on the drive: web1 can't start without it.`;
    expect(opened.told.slice(0, 2)).toEqual([missing('guests/vmlinuz'), missing('guests/debian.raw')]);
    expect(opened.world.running()).toContain('dns1 on node1');
  });

  it('tells before it wakes anybody which host has a MAC address that no machine has', async () => {
    const drive = await smallDrive();
    const spec = path.join(drive, 'hosts', 'node2.host.yaml');
    await writeFile(spec, (await readFile(spec, 'utf8')).replace('52:54:00:aa:00:02', '00:00:5e:00:53:01'));
    const opened = await openService({}, drive);
    await opened.service.boot(boot(opened), never);
    expect(opened.told[0]).toMatch(/^warn: hosts\/node2\.host\.yaml:3: 00:00:5e:00:53:01 stands here to be replaced: no machine has this MAC address/);
  });

  it('doesn’t guess who works on a drive whose record it can’t read', async () => {
    const opened = await openService();
    await mkdir(path.join(opened.drive, 'state', 'backend.json'), { recursive: true });
    await expect(opened.service.status(opened.drive, never)).rejects.toThrow(/state\/backend\.json can't be read, which names the backend that works on this drive \(EISDIR.*\)\. Ask as the user who started it\./);
  });

  it('names only what it serves, with DHCP off', async () => {
    const drive = await smallDrive();
    const { model } = await loadDrive(drive);
    const world = new World(model!, { clock: systemClock });
    const parts = world.parts();
    const events: PoolEvent[] = [];
    const service = new PoolService({
      openEnvironment: () => Promise.resolve(environment(drive)),
      parts: { ...parts, startBootServer: async (options) => ({ ...(await parts.startBootServer(options)), ports: { dhcp: 0, proxyDhcp: 0, tftp: 69, http: 80, dns: 53 } }) },
      log: () => undefined,
      onEvent: (event) => events.push(event),
      onStop: () => undefined,
    });
    onTestFinished(() => service.close());
    await service.boot({ drive, target: 'machines' }, never);
    const serving = events.find(({ event }) => event === 'serving');
    expect(serving?.event === 'serving' ? Object.keys(serving.addresses) : []).toEqual(['tftp', 'http', 'dns']);
  });

  it('is joined by a second boot, which changes nothing', async () => {
    const opened = await openService();
    const [first, second] = await Promise.all([opened.service.boot(boot(opened), never), opened.service.boot(boot(opened), never)]);
    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    expect(opened.world.deeds.filter((deed) => deed.startsWith('start'))).toHaveLength(2);
  });

  it('refuses a drive that another backend works on, in words', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    const second = await openService({}, opened.drive, opened.world);
    await expect(second.service.boot(boot(second), never)).rejects.toThrow(/Another backend \(process \d+, started .*\) works on this drive already .* `pxen status` shows what it does/);
  });

  it('refuses a drive with errors, and says where the first one is', async () => {
    const opened = await openService();
    await writeFile(path.join(opened.drive, 'hosts', 'node1.host.yaml'), 'kind: Host\nname: node1\n');
    await expect(opened.service.boot(boot(opened), never)).rejects.toThrow(/has \d+ errors: hosts\/node1\.host\.yaml:1:1: .*`pxen validate` shows all of them/s);
  });

  it('ends a boot that is cancelled, and boots again when asked', async () => {
    const opened = await openService({ dead: ['node1'] });
    const cancelled = new AbortController();
    const boots = opened.service.boot(boot(opened), cancelled.signal);
    await until(() => opened.world.machines.get('node2')?.power === 'up');
    cancelled.abort(new Error('cancelled'));
    await expect(boots).rejects.toThrow('cancelled');
    await opened.service.ended(opened.drive);
    expect(await findBackend(path.join(opened.drive, 'state'), systemClock)).toBeUndefined();
    opened.world.dead.clear();
    expect((await opened.service.boot(boot(opened), never)).exitCode).toBe(0);
    expect(opened.world.violations).toEqual([]);
  });

  it('is asked for its pool over the socket it names, and shuts it down on order', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    const heard: PoolEvent[] = [];
    const backend = await attachTo(await recordOf(opened.drive), systemClock, (event) => heard.push(event));
    onTestFinished(() => backend.close());
    const status: PoolSnapshot = await backend.request('pool/status', { drive: opened.drive }, never);
    expect(status.phase).toBe('up');
    const down: BootResult = await backend.request('pool/down', { drive: opened.drive }, never);
    expect(down).toMatchObject({ exitCode: 0, snapshot: { phase: 'down' } });
    expect(heard.some((event) => event.event === 'vm' && event.vm.state === 'stopping')).toBe(true);
    await opened.service.ended(opened.drive);
    expect(opened.world.running()).toEqual([]);
    expect([...opened.world.machines.values()].map(({ power }) => power)).toEqual(['off', 'off']);
  });

  it('asks the hosts themselves when no backend runs', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    await opened.service.close();
    const asker = await openService({}, opened.drive, opened.world);
    expect(await asker.service.status(opened.drive, never)).toMatchObject({ phase: 'up', vms: [{ state: 'running' }, { state: 'running' }] });
    expect(await asker.service.down(opened.drive, false, never)).toMatchObject({ exitCode: 0 });
    expect(await asker.service.status(opened.drive, never)).toMatchObject({ phase: 'down' });
  });

  it('says of hosts that the drive has never booted that nobody asks them', async () => {
    const opened = await openService();
    expect(await opened.service.status(opened.drive, never)).toMatchObject({ phase: 'down' });
    const sentence = 'warn: Never booted from this drive, so taken for off and not asked: node1, node2.';
    expect(opened.told).toEqual([sentence]);
    await opened.service.down(opened.drive, false, never);
    expect(opened.told).toEqual([sentence, sentence]);
    await opened.service.boot(boot(opened), never);
    await opened.service.close();
    const asker = await openService({}, opened.drive, opened.world);
    await asker.service.status(opened.drive, never);
    expect(asker.told).toEqual([]);
  });

  it('asks a host by the keys of its last hello, though somebody has fetched its boot script since', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    await opened.service.close();
    await fetchScript(opened.drive, opened.world, 'node1');
    const asker = await openService({}, opened.drive, opened.world);
    expect(await asker.service.status(opened.drive, never)).toMatchObject({ phase: 'up' });
    expect(await asker.service.down(opened.drive, false, never)).toMatchObject({ exitCode: 0 });
    expect(opened.world.running()).toEqual([]);
  });

  it('takes no host for off that fetched a boot script and wasn’t heard of since', async () => {
    const opened = await openService();
    await fetchScript(opened.drive, opened.world, 'node1');
    const unknown = { state: 'failed', cause: expect.stringMatching(/^node1 fetched its boot script at .*Z and hasn't said hello since$/) as string };
    expect(await opened.service.status(opened.drive, never)).toMatchObject({ phase: 'partly', hosts: [unknown, { state: 'off' }] });
    expect(await opened.service.down(opened.drive, false, never)).toMatchObject({ exitCode: 3, snapshot: { phase: 'partly', hosts: [unknown, { state: 'off' }] } });
  });

  it('has the drive to itself while it shuts hosts down that no backend runs', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    await opened.service.close();
    const parts = opened.world.parts();
    const claimedBy: (number | undefined)[] = [];
    const stateFolder = path.join(opened.drive, 'state');
    opened.world.parts = () => ({
      ...parts,
      connectHost: async (target, signal) => {
        claimedBy.push((await findBackend(stateFolder, systemClock))?.pid);
        return parts.connectHost(target, signal);
      },
    });
    const downer = await openService({}, opened.drive, opened.world);
    expect(await downer.service.down(opened.drive, false, never)).toMatchObject({ exitCode: 0 });
    expect(claimedBy).toEqual([process.pid, process.pid]);
    expect(await findBackend(stateFolder, systemClock)).toBeUndefined();
    const held = await claimPool({ stateFolder, target: 'machines', clock: systemClock, onConnection: (socket) => socket.destroy() });
    onTestFinished(() => held.release());
    await expect(downer.service.down(opened.drive, false, never)).rejects.toThrow('works on this drive already');
  });

  it('knows a drive by whatever path it is named', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    const link = path.join(await emptyFolder(), 'drive');
    await symlink(opened.drive, link);
    expect(await opened.service.boot({ drive: link, target: 'machines' }, never)).toMatchObject({ exitCode: 0 });
    expect(await opened.service.down(link, false, never)).toMatchObject({ exitCode: 0 });
    await opened.service.ended(link);
    expect(opened.world.running()).toEqual([]);
  });

  it('answers a boot that is shut down on the way with how things ended', async () => {
    const opened = await openService({ dead: ['node1'] });
    const boots = opened.service.boot(boot(opened), never);
    // A host that can't be reached yet can't be told to switch off.
    await until(() => opened.events.some((event) => event.event === 'host' && event.host.name === 'node2' && event.host.state === 'ready'));
    const down = await opened.service.down(opened.drive, false, never);
    expect(down.exitCode).toBe(0);
    expect(await boots).toMatchObject({ exitCode: 3, snapshot: { phase: 'down' } });
  });

  it('lets go of the drive though whoever asked it to shut down turned away', async () => {
    const opened = await openService({ dead: ['node1'] });
    const boots = opened.service.boot(boot(opened), never);
    await until(() => opened.world.machines.get('node2')?.power === 'up');
    const asked = new AbortController();
    const down = opened.service.down(opened.drive, false, asked.signal);
    asked.abort(new Error('turned away'));
    await expect(down).rejects.toThrow('turned away');
    expect(await boots).toMatchObject({ exitCode: 3, snapshot: { phase: 'stopping' } });
    await opened.service.ended(opened.drive);
    expect(await findBackend(path.join(opened.drive, 'state'), systemClock)).toBeUndefined();
  });

  it('doesn’t take a VM for stopped that may run on a host that can’t be asked', async () => {
    const opened = await openService();
    await opened.service.boot(boot(opened), never);
    await opened.service.close();
    const silent = opened.world.running().find((text) => text.startsWith('dns1'))?.replace('dns1 on ', '') ?? '';
    const parts = opened.world.parts();
    opened.world.parts = () => ({ ...parts, connectHost: (target, signal) => (target.host.name === silent ? Promise.reject(new Error('no route to host')) : parts.connectHost(target, signal)) });
    const asker = await openService({}, opened.drive, opened.world);
    const dns1 = { name: 'dns1', state: 'failed', reason: `unknown whether it runs: ${silent} can't be asked`, remedy: `Bring ${silent} back within reach, or look at it by hand.` };
    expect((await asker.service.status(opened.drive, never)).vms).toContainEqual(dns1);
    const down = await asker.service.down(opened.drive, false, never);
    expect(down.exitCode).toBe(3);
    expect(down.snapshot.vms).toContainEqual(dns1);
  });

  it('forwards status and down to the backend that works on the drive', async () => {
    const drive = await smallDrive();
    // Another process can't be had in a test of units; what counts is that the record's process isn't this one.
    const claim = await claimPool({
      stateFolder: path.join(drive, 'state'),
      target: 'machines',
      clock: systemClock,
      onConnection: (socket) => {
        const answer = () => Promise.reject(new Error('not expected'));
        const snapshot: PoolSnapshot = { cluster: 'elsewhere', phase: 'booting', at: '', hosts: [], vms: [] };
        serveConnection(
          new StreamMessageReader(socket),
          new StreamMessageWriter(socket),
          { 'pool/boot': answer, 'pool/wake': answer, 'backend/stop': answer, 'pool/down': () => Promise.reject(new Error('node1 still runs by-hand')), 'pool/status': () => Promise.resolve(snapshot) },
          () => undefined,
        );
      },
    });
    onTestFinished(() => claim.release());
    const file = path.join(drive, 'state', 'backend.json');
    await writeFile(file, JSON.stringify({ ...(await recordOf(drive)), pid: process.ppid }));
    const { service } = await openService({}, drive);
    expect(await service.status(drive, never)).toMatchObject({ cluster: 'elsewhere' });
    await expect(service.down(drive, false, never)).rejects.toThrow(/process \d+\) says: node1 still runs by-hand/);
  });
});

describe('the record of a backend that has ended', () => {
  const stale: readonly (readonly [string, string])[] = [
    ['whose process is gone', JSON.stringify({ pid: 2 ** 22 - 1, socket: '/nowhere/backend.sock', startedAt: 'x', target: 'machines' })],
    ['whose process id is another’s by now', JSON.stringify({ pid: process.ppid, socket: '/nowhere/backend.sock', startedAt: 'x', target: 'machines' })],
    ['that was cut off in the middle', '{"pid": 12, "soc'],
  ];
  it.each(stale)('%s is in nobody’s way', async (_, text) => {
    const stateFolder = await emptyFolder();
    await mkdir(stateFolder, { recursive: true });
    await writeFile(path.join(stateFolder, 'backend.json'), text);
    expect(await findBackend(stateFolder, systemClock)).toBeUndefined();
    const claim = await claimPool({ stateFolder, target: 'machines', clock: systemClock, onConnection: (socket) => socket.destroy() });
    expect(await findBackend(stateFolder, systemClock)).toMatchObject({ pid: process.pid });
    await claim.release();
  });

  it('that can’t be taken off a pulled drive keeps no backend from ending', async () => {
    const stateFolder = path.join(await emptyFolder(), 'state');
    const claim = await claimPool({ stateFolder, target: 'machines', clock: systemClock, onConnection: (socket) => socket.destroy() });
    await rm(path.join(stateFolder, 'backend.json'));
    await mkdir(path.join(stateFolder, 'backend.json', 'kept'), { recursive: true });
    await expect(claim.release()).resolves.toBeUndefined();
  });

  it('lets one of many that start at once have the drive', async () => {
    for (let round = 0; round < 100; round += 1) {
      const stateFolder = await emptyFolder();
      await writeFile(path.join(stateFolder, 'backend.json'), JSON.stringify({ pid: 2 ** 22 - 1, socket: '/nowhere/backend.sock', startedAt: 'x', target: 'machines' }));
      const claims = await Promise.allSettled(Array.from({ length: 4 }, () => claimPool({ stateFolder, target: 'machines', clock: systemClock, onConnection: (socket) => socket.destroy() })));
      const won = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value] : []));
      for (const claim of won) await claim.release();
      expect(won).toHaveLength(1);
      expect(await readdir(stateFolder)).toEqual([]);
    }
  });

  it('is that of one that runs as long as it can’t be told that nobody listens', async () => {
    const stateFolder = await emptyFolder();
    const unsure = path.join(stateFolder, 'loop.sock');
    await symlink(unsure, unsure);
    await writeFile(path.join(stateFolder, 'backend.json'), JSON.stringify({ pid: process.ppid, socket: unsure, startedAt: 'x', target: 'machines' }));
    expect(await findBackend(stateFolder, systemClock)).toMatchObject({ pid: process.ppid });
    await expect(claimPool({ stateFolder, target: 'machines', clock: systemClock, onConnection: (socket) => socket.destroy() })).rejects.toThrow(`Another backend (process ${process.ppid}`);
  });

  it('is reported when its backend can’t be asked', async () => {
    const drive = await smallDrive();
    const stateFolder = path.join(drive, 'state');
    const unsure = path.join(stateFolder, 'loop.sock');
    await mkdir(stateFolder);
    await symlink(unsure, unsure);
    await writeFile(path.join(stateFolder, 'backend.json'), JSON.stringify({ pid: process.ppid, socket: unsure, startedAt: 'x', target: 'machines' }));
    const { service } = await openService({}, drive);
    await expect(service.down(drive, false, never)).rejects.toThrow(/^The backend that works on this drive \(process \d+\) can't be asked: .*ELOOP.* Ask as the user who started it, or end that process\.$/);
  });

  it('doesn’t let two that start at once both have the drive', async () => {
    const stateFolder = await emptyFolder();
    const claims = await Promise.allSettled([1, 2, 3].map(() => claimPool({ stateFolder, target: 'machines', clock: systemClock, onConnection: (socket) => socket.destroy() })));
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const claim of claims) if (claim.status === 'fulfilled') await claim.value.release();
  });
});

describe('a connection', () => {
  it('carries requests, events and cancellation, and says in words what failed', async () => {
    const opened = await openService({ dead: ['node1'] });
    const [toBackend, fromBackend] = [new PassThrough(), new PassThrough()];
    const served = serveConnection(new StreamMessageReader(toBackend), new StreamMessageWriter(fromBackend), opened.service.handlers, () => undefined);
    const client = createMessageConnection(new StreamMessageReader(fromBackend), new StreamMessageWriter(toBackend));
    client.listen();
    await expect(client.sendRequest('pool/boot', { drive: '/no/such/drive', target: 'machines' })).rejects.toThrow(/no\/such\/drive can't be opened/);
    const { CancellationTokenSource } = await import('vscode-jsonrpc/node');
    const source = new CancellationTokenSource();
    const boots = client.sendRequest('pool/boot', boot(opened), source.token);
    await until(() => opened.world.machines.get('node2')?.power === 'up');
    source.cancel();
    await expect(boots).rejects.toMatchObject({ code: -32800 });
    await client.sendRequest('backend/stop', {});
    expect(opened.stopped.asked).toBe(true);
    client.dispose();
    toBackend.end();
    await served.closed;
  });
});

/** As anybody on the network can, while a backend serves. */
async function fetchScript(drive: string, world: World, host: string): Promise<void> {
  const state = openDriveState(path.join(drive, 'state'), systemClock, systemRandom);
  const [mac = ''] = world.machines.get(host)?.host.macs ?? [];
  await createBootTokens({ state, model: () => world.model, clock: systemClock, random: systemRandom }).issue(mac);
}

/** Waits for a condition, a minute at most. */
async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('not come about within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
