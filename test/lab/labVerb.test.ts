/** `pxen lab` as a process, on the example drive. */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { PoolEvent, PoolSnapshot } from '../../src/protocol';
import { requestOf } from '../../src/backend/netboot/answers/exampleRequest';
import { decodeDhcp, encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { attachLab } from '../../src/lab/simulated/client';
import { emptyFolder } from '../pool/driveFolder';
import { buildDist, type Dist } from '../support/dist';
import { copyExample } from '../support/examples';

const VMS = 12;

let dist: Dist;
beforeAll(async () => {
  dist = await buildDist();
}, 60_000);
afterAll(() => dist.remove());

/** The example with its pauses between starts taken out, which only cost time here. */
async function homelab(): Promise<string> {
  const drive = path.join(await emptyFolder(), 'homelab');
  await copyExample('homelab', drive);
  for (const name of await readdir(path.join(drive, 'vms'))) {
    const file = path.join(drive, 'vms', name);
    await writeFile(file, (await readFile(file, 'utf8')).replace(/delay: *\d+s/g, 'delay: 0s'));
  }
  return drive;
}

interface Running {
  readonly child: ChildProcess;
  readonly events: readonly PoolEvent[];
  readonly stderr: () => string;
  readonly code: Promise<number | null>;
  until(what: (event: PoolEvent) => boolean): Promise<PoolEvent>;
}

function pxen(...words: string[]): Running {
  const child = spawn(process.execPath, [dist.pxen, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const events: PoolEvent[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    events.push(...lines.map((line) => JSON.parse(line) as PoolEvent));
    for (const look of waiting) look();
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = new Promise<number | null>((resolve) => child.once('close', (exitCode) => resolve(exitCode)));
  return {
    child,
    events,
    stderr: () => stderr,
    code,
    until: (what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find(what);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void code.then(() => reject(new Error(`pxen ended before that:\n${stderr}`)));
      }),
  };
}

const lastSnapshot = (events: readonly PoolEvent[]): PoolSnapshot | undefined => events.flatMap((event) => (event.event === 'pool' ? [event.snapshot] : [])).at(-1);
const runs = (event: PoolEvent) => event.event === 'vm' && event.vm.state === 'running';

describe('pxen lab', { timeout: 120_000 }, () => {
  it('boots the example drive: 4 hosts ready, 12 VMs running, and leaves no process behind', async () => {
    const drive = await homelab();
    const lab = pxen('lab', drive, '--json', '--keep');
    expect(await lab.code).toBe(0);
    const snapshot = lastSnapshot(lab.events);
    expect(snapshot?.hosts.map(({ state }) => state)).toEqual(Array.from({ length: 4 }, () => 'ready'));
    expect(snapshot?.vms.filter(({ state }) => state === 'running')).toHaveLength(VMS);

    const machines = await attachLab(socketOf(lab));
    const views = await machines.view();
    expect(views.flatMap(({ created }) => created).sort()).toEqual(snapshot!.vms.map(({ name }) => name));
    expect(views.map(({ boots }) => boots)).toEqual([1, 1, 1, 1]);
    await machines.end();
    await expect.poll(() => existsSync(path.dirname(socketOf(lab)))).toBe(false);
    expect(await readdir(path.join(drive, 'state'))).toEqual(['lab']);
  });

  it('says in its table what failed and what to try, and exits 3', async () => {
    const drive = await homelab();
    const lab = pxen('lab', drive, '--json', '--fault', 'node3=missing-array:fast');
    expect(await lab.code).toBe(3);
    const node3 = lastSnapshot(lab.events)?.hosts.find(({ name }) => name === 'node3');
    expect(node3?.arrays.find(({ name }) => name === 'fast')).toMatchObject({ state: 'missing', mounted: false });
  });

  it.each(['no-such-fault', ''])('refuses the fault "%s" with a list of what there is, and exits 2', async (fault) => {
    const lab = pxen('lab', await homelab(), '--fault', `node1=${fault}`);
    expect(await lab.code).toBe(2);
    expect(lab.stderr()).toContain('never-wakes');
    expect(lab.stderr()).toContain('Nothing was started.');
  });

  it.each([
    ['while hosts boot', 0],
    ['when the first VM runs', 1],
    ['when most of them run', 8],
  ])('killed %s and started again with --attach, it completes the pool and starts nothing twice', async (_when, running) => {
    const drive = await homelab();
    const first = pxen('lab', drive, '--json', '--keep', '--stay');
    if (running === 0) await first.until((event) => event.event === 'host' && event.host.state === 'root');
    else await first.until(() => new Set(first.events.flatMap((event) => (runs(event) && event.event === 'vm' ? [event.vm.name] : []))).size >= running);
    first.child.kill('SIGKILL');
    await first.code;

    const second = pxen('lab', drive, '--json', '--keep', '--attach', socketOf(first));
    expect(await second.code, second.stderr()).toBe(0);
    const machines = await attachLab(socketOf(first));
    const views = await machines.view();
    await machines.end();
    const snapshot = lastSnapshot(second.events)!;
    expect(snapshot.vms.filter(({ state }) => state === 'running')).toHaveLength(VMS);
    expect(views.flatMap(({ created }) => created).sort()).toEqual(snapshot.vms.map(({ name }) => name));
    expect(views.flatMap(({ domains }) => domains.map(({ uuid }) => uuid)).length).toBe(VMS);
  });

  it('ends its machines with itself when it is killed', async () => {
    const drive = await homelab();
    const lab = pxen('lab', drive, '--json', '--stay');
    await lab.until(runs);
    const log = path.join(drive, 'state', 'lab', 'machines.log');
    lab.child.kill('SIGKILL');
    await lab.code;
    await expect.poll(async () => (await readFile(log, 'utf8')).match(/node\d: power off/g)?.length, { timeout: 20_000 }).toBe(4);
  });

  it('answers by the drive as it is edited, keeps the addresses that its hosts run with, and takes no invalid one', async () => {
    const drive = await homelab();
    const lab = pxen('lab', drive, '--json', '--stay');
    await lab.until((event) => event.event === 'pool' && event.snapshot.phase === 'up');
    const told = (part: string) => lab.until((event) => event.event === 'log' && event.sentence.includes(part));
    const serving = await lab.until((event) => event.event === 'serving');
    const dhcp = serving.event === 'serving' ? serving.addresses['dhcp']! : '';
    const node2 = path.join(drive, 'hosts', 'node2.host.yaml');
    const text = await readFile(node2, 'utf8');

    await writeFile(node2, text.replace('52:54:00:aa:00:02', '52:54:00:aa:00:22').replace('10.77.0.12', '10.77.0.42'));
    await writeFile(path.join(drive, 'hosts', 'node9.host.yaml'), 'kind: Host\nname: node9\nmacs: [52:54:00:aa:00:99]\naddress: 10.77.0.99\ncpus: 4\nmemory: 8GiB\n');
    await told('node2 keeps its address 10.77.0.12');
    await told('node9 is new on the drive');
    expect(await addressGiven(dhcp, '52:54:00:aa:00:99')).toBe('10.77.0.99');
    expect(await addressGiven(dhcp, '52:54:00:aa:00:22')).toBe('10.77.0.12');

    await rm(path.join(drive, 'hosts', 'node9.host.yaml'));
    await writeFile(node2, 'kind: Hosts\n');
    await told('Until it is mended, machines are answered by its last valid state.');
    expect(await addressGiven(dhcp, '52:54:00:aa:00:99')).toBe('10.77.0.99');
    lab.child.kill('SIGTERM');
    await lab.code;
  });

  it('lets no second one work on the same drive', async () => {
    const drive = await homelab();
    const first = pxen('lab', drive, '--json', '--stay');
    await first.until(runs);
    const second = pxen('lab', drive, '--json');
    expect(await second.code).toBe(2);
    expect(second.stderr()).toContain(`A lab of this drive runs already (process ${first.child.pid}).`);
    first.child.kill('SIGTERM');
    await first.code;
  });
});

/** What a machine with this MAC is offered at `ADDRESS:PORT`. */
async function addressGiven(server: string, mac: string): Promise<string | undefined> {
  const [address, port] = server.split(':');
  const socket = dgram.createSocket('udp4');
  try {
    socket.send(encodeDhcp(requestOf(mac, 'bios', false)).bytes, Number(port), address);
    const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer];
    const decoded = decodeDhcp(bytes);
    return 'message' in decoded ? decoded.message.yourAddress : undefined;
  } finally {
    socket.close();
  }
}

function socketOf(lab: Running): string {
  const found = /--attach (\S+)/.exec(lab.stderr())?.[1];
  if (found === undefined) throw new Error(`no socket was told:\n${lab.stderr()}`);
  return found;
}
