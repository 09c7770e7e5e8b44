/** The backend as a process of its own, as the window starts it, with simulated machines that speak the real protocols. */

import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CancellationTokenSource, createMessageConnection, StreamMessageReader, StreamMessageWriter, type MessageConnection } from 'vscode-jsonrpc/node';
import type { BackendRecord, BootResult, PoolEvent, PoolSnapshot } from '../../src/protocol';
import { attachTo } from '../../src/backend/pool/rpc';
import { systemClock } from '../../src/backend/system';
import { buildDist, type Dist } from '../support/dist';
import { smallDrive } from './driveFolder';

let dist: Dist;

beforeAll(async () => {
  dist = await buildDist();
});

afterAll(() => dist.remove());

interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly connection: MessageConnection;
  readonly events: PoolEvent[];
  readonly exited: Promise<number | null>;
}

function startBackend(...args: readonly string[]): Running {
  const child = spawn(process.execPath, [path.join(dist.folder, 'backend.js'), ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  const events: PoolEvent[] = [];
  connection.onNotification('pool/event', (event: PoolEvent) => events.push(event));
  connection.onError(() => undefined);
  connection.listen();
  return { child, connection, events, exited };
}

const recordFile = (drive: string) => path.join(drive, 'state', 'lab', 'backend.json');

describe('the window’s backend', () => {
  it('boots simulated machines over the real protocols, and ends with its input', async () => {
    const drive = await smallDrive();
    const backend = startBackend();
    const result: BootResult = await backend.connection.sendRequest('pool/boot', { drive, target: 'simulated' });
    expect(result).toMatchObject({ exitCode: 0, snapshot: { phase: 'up', vms: [{ state: 'running' }, { state: 'running' }] } });
    const states = backend.events.flatMap((event) => (event.event === 'host' && event.host.name === 'node1' ? [event.host.state] : []));
    expect([...new Set(states)]).toEqual(['waking', 'dhcp', 'bootloader', 'kernel', 'root', 'hello', 'ssh', 'arrays', 'ready']);
    backend.connection.dispose();
    backend.child.stdin.end();
    expect(await backend.exited).toBe(0);
    await expect(readFile(recordFile(drive))).rejects.toThrow(/ENOENT/);
  }, 180_000);

  it('takes back a boot that is cancelled', async () => {
    const drive = await smallDrive();
    const backend = startBackend();
    const source = new CancellationTokenSource();
    const boot = backend.connection.sendRequest('pool/boot', { drive, target: 'simulated' }, source.token);
    boot.catch(() => undefined);
    await until(() => backend.events.some(({ event }) => event === 'serving'));
    source.cancel();
    await expect(boot).rejects.toMatchObject({ code: -32800 });
    await expect(readFile(recordFile(drive))).rejects.toThrow(/ENOENT/);
  }, 180_000);

  it('that was told to stay outlives the window, answers over its socket, and ends with its pool', async () => {
    const drive = await smallDrive();
    const backend = startBackend('--stay');
    await backend.connection.sendRequest('pool/boot', { drive, target: 'simulated' });
    backend.connection.dispose();
    backend.child.stdin.end();
    const other = await attachTo(JSON.parse(await readFile(recordFile(drive), 'utf8')) as BackendRecord, systemClock, () => undefined);
    onTestFinished(() => other.close());
    const never = new AbortController().signal;
    const status: PoolSnapshot = await other.request('pool/status', { drive }, never);
    expect(status.phase).toBe('up');
    // Another command finds it as well.
    const output = execFileSync(process.execPath, [dist.pxen, 'status', drive], { encoding: 'utf8' });
    expect(output).toContain('Pool smallpool is up: 2 of 2 hosts ready, 2 of 2 VMs running.');
    expect(await other.request('pool/down', { drive }, never)).toMatchObject({ exitCode: 0, snapshot: { phase: 'down' } });
    expect(await backend.exited).toBe(0);
  }, 180_000);
});

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('not come about within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
