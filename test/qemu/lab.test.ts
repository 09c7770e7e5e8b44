import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFailed } from 'vitest';
import { GUEST_MARKER } from '../../src/lab/qemu/guest';
import type { BackendRecord, PoolEvent, PoolSnapshot } from '../../src/protocol';
import { copyExample } from '../support/examples';
import { runPxen, startPxen, type Running } from './program';

const pxen = inject('pxen');
const HOSTS = ['node1', 'node2'];
const GUESTS = ['10.77.0.21', '10.77.0.22'];

let drive: string;
let lab: Running;

beforeAll(async () => {
  drive = await mkdtemp(path.join(os.tmpdir(), 'pxen-qemu-lab-'));
  await copyExample('qemu-lab', drive);
  await cp(path.join(inject('imageDrive'), 'images'), path.join(drive, 'images'), { recursive: true });
  lab = startPxen(pxen, ['lab', '--qemu', '--stay', '--json', drive]);
});

afterAll(async () => {
  await lab.stop();
  await rm(drive, { recursive: true, force: true });
});

describe('a pool of two real Xen hosts in QEMU', () => {
  it('comes up: a BIOS and a UEFI machine, an array mounted and a VM running on each', async () => {
    onTestFailed(tellConsoles);
    const { snapshot } = await lab.event(isSettled);
    expect(snapshot.phase).toBe('up');
    expect(snapshot.hosts.map(({ name, state }) => [name, state])).toEqual(HOSTS.map((name) => [name, 'ready']));
    for (const host of snapshot.hosts) {
      expect(host.arrays).toEqual([expect.objectContaining({ name: 'r0', state: 'clean', mounted: true })]);
      expect(host.xenVersion).toMatch(/^4\.\d+/);
    }
    expect(snapshot.vms.map(({ name, state }) => [name, state])).toEqual([['web1', 'running'], ['web2', 'running']]);
    expect(snapshot.vms.map(({ host }) => host).sort()).toEqual(HOSTS);
  });

  it('has guests that answer from their disks, started once each', async () => {
    onTestFailed(tellConsoles);
    for (const address of GUESTS) {
      expect(await fetchInside(`http://${address}/`)).toBe(GUEST_MARKER);
      expect(await fetchInside(`http://${address}/starts`)).toBe(`${address}/24\n`);
    }
  });

  it('shows itself to a second command, from outside its network', async () => {
    const { exitCode, out } = await runPxen(pxen, ['status', '--json', drive]);
    expect(exitCode).toBe(0);
    expect((JSON.parse(out) as PoolSnapshot).phase).toBe('up');
  });

  it('goes down: guests first, then both machines power off, and the lab ends', async () => {
    onTestFailed(tellConsoles);
    const down = await runPxen(pxen, ['down', '--json', drive]);
    expect(down.exitCode, down.err).toBe(0);
    const { exitCode, err } = await lab.ended;
    expect(exitCode, err).toBe(0);
    for (const host of HOSTS) expect(await readConsole(host)).toMatch(/reboot: Power down/);
  });
});

function isSettled(event: PoolEvent): event is Extract<PoolEvent, { event: 'pool' }> {
  return event.event === 'pool' && (event.snapshot.phase === 'up' || event.snapshot.phase === 'partly');
}

/** GET from within the lab's network; a guest's web server may come up a moment after its domain. */
async function fetchInside(url: string): Promise<string> {
  const { pid } = JSON.parse(await readFile(path.join(drive, 'state', 'lab', 'backend.json'), 'utf8')) as BackendRecord;
  const namespaces = process.getuid?.() === 0 ? ['--net'] : ['--user', '--preserve-credentials', '--net'];
  const program = `
    const until = Date.now() + 180_000;
    const attempt = () => fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(10_000) }).then((answer) => answer.text());
    const again = (error) => { if (Date.now() > until) throw error; return new Promise((resolve) => setTimeout(resolve, 1_000)).then(attempt).catch(again); };
    attempt().catch(again).then((text) => process.stdout.write(text));`;
  const { stdout } = await promisify(execFile)('nsenter', ['--target', String(pid), ...namespaces, process.execPath, '-e', program]);
  return stdout;
}

function readConsole(host: string): Promise<string> {
  return readFile(path.join(drive, 'state', 'lab', 'qemu', `${host}-console.log`), 'utf8');
}

async function tellConsoles(): Promise<void> {
  console.error(`---- pxen lab\n${lab.err().split('\n').slice(-60).join('\n')}`);
  for (const host of HOSTS) console.error(`---- ${host}\n${(await readConsole(host)).split('\n').slice(-40).join('\n')}`);
}
