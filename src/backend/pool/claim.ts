/**
 * Who works on a drive: `backend.json` in its state folder, and the socket it names. A record is believed until it is certain
 * that nobody listens there, so one that a killed backend left behind is in nobody's way.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { BackendRecord, PoolTarget } from '../../protocol';
import { createFileAtomic, makeDurable, writeFileAtomic } from '../drive/atomic';
import { makeFolder } from '../drive/owner';
import type { Clock } from '../system';
import { PoolError } from './errors';

export interface Claim {
  /** Removes the record and the socket. Connections that are open are left to their owner. */
  release(): Promise<void>;
}

export interface ClaimOptions {
  readonly stateFolder: string;
  readonly target: PoolTarget;
  readonly clock: Clock;
  readonly onConnection: (socket: Socket) => void;
}

const RECORD = 'backend.json';
const STARTING = 'backend-starting.json';
const TURN_TRIES = 5;
/** No machine waits for the disk: once the process has ended, records are of no use, and what a power cut leaves of one is known as such. */
const RECORD_OPTIONS = { mode: 0o600, durable: false };
/** A local socket answers at once or not at all. */
const CONNECT_MS = 2_000;

/** Claims the folder for this process. Rejects with a `PoolError` while another backend has it. */
export async function claimPool({ stateFolder, target, clock, onConnection }: ClaimOptions): Promise<Claim> {
  await makeFolder(stateFolder);
  const file = path.join(stateFolder, RECORD);
  const { server, socket, close } = await listen(onConnection);
  try {
    const record: BackendRecord = { pid: process.pid, socket, startedAt: new Date(clock.now()).toISOString(), target };
    await putRecord(stateFolder, record, clock);
  } catch (error) {
    await close();
    throw error;
  }
  // A drive that is pulled and comes back must still name who works on it. One that can't be written is told of by what is written to it next.
  const durable = makeDurable(file).catch(() => undefined);
  return {
    release: async () => {
      await durable;
      // What stays on a drive that was pulled names a process that has ended, and the next backend sees that.
      await rm(file, { force: true }).catch(() => undefined);
      server.unref();
      await close();
    },
  };
}

/** The backend that works on this folder; undefined when there is none, or only the record of one that has ended. Rejects with a `PoolError` for a record that can't be read. */
export async function findBackend(stateFolder: string, clock: Clock): Promise<BackendRecord | undefined> {
  const found = await judge(path.join(stateFolder, RECORD), clock);
  return found.kind === 'working' ? found.record : undefined;
}

/** Connects to a backend's socket within two seconds. */
export function connectTo(socketPath: string, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const cancel = clock.after(CONNECT_MS, () => socket.destroy(new Error(`${socketPath} doesn't answer`)));
    socket.once('connect', () => {
      cancel();
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      cancel();
      reject(error);
    });
  });
}

async function listen(onConnection: (socket: Socket) => void): Promise<{ readonly server: Server; readonly socket: string; readonly close: () => Promise<void> }> {
  // Mode 0700: only its owner may give orders.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-'));
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${path.basename(folder)}` : path.join(folder, 'backend.sock');
  const server = createServer(onConnection);
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, resolve);
    });
  } catch (error) {
    await removeFolder();
    throw error;
  }
  const close = async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    await removeFolder();
  };
  return { server, socket, close };
}

/**
 * Of several that start at once, the one whose `backend-starting.json` is there looks who works on the drive, and puts its
 * record in place when nobody does. So nobody takes away the record of another that was quicker.
 */
async function putRecord(stateFolder: string, record: BackendRecord, clock: Clock): Promise<void> {
  const text = `${JSON.stringify(record, undefined, 2)}\n`;
  const starting = path.join(stateFolder, STARTING);
  await takeTurn(stateFolder, starting, text, clock);
  try {
    const other = await findBackend(stateFolder, clock);
    if (other !== undefined) throw busy(stateFolder, other);
    await writeFileAtomic(path.join(stateFolder, RECORD), text, RECORD_OPTIONS);
  } finally {
    await rm(starting, { force: true });
  }
}

async function takeTurn(stateFolder: string, starting: string, text: string, clock: Clock): Promise<void> {
  for (let tries = 0; tries < TURN_TRIES; tries += 1) {
    if (await createFileAtomic(starting, text, RECORD_OPTIONS)) return;
    const other = await judge(starting, clock);
    if (other.kind === 'working') throw busy(stateFolder, other.record);
    // One that was killed in the few milliseconds of its start left it behind.
    if (other.kind === 'left') await rm(starting, { force: true });
  }
  throw busy(stateFolder, undefined);
}

type Found =
  | { readonly kind: 'none' }
  /** Its process has ended, or the record was cut off by a power cut or a pulled drive. */
  | { readonly kind: 'left' }
  | { readonly kind: 'working'; readonly record: BackendRecord };

async function judge(file: string, clock: Clock): Promise<Found> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return { kind: 'none' };
    // Its mode is 0600. Without it nobody knows whether a backend works on the drive.
    throw new PoolError(`${file} can't be read, which names the backend that works on this drive (${(error as Error).message}).`, 'Ask as the user who started it.');
  }
  const record = parseRecord(text);
  if (record === undefined || !isAlive(record.pid)) return { kind: 'left' };
  try {
    (await connectTo(record.socket, clock)).destroy();
  } catch (error) {
    // connect(2): no such socket, or nobody listens; the process that has this id now is another. Any other trouble (another
    // user's socket, one that is too busy to answer) doesn't show that the backend has ended.
    if (['ENOENT', 'ECONNREFUSED'].includes(codeOf(error) ?? '')) return { kind: 'left' };
  }
  return { kind: 'working', record };
}

function busy(stateFolder: string, other: BackendRecord | undefined): PoolError {
  const who = other === undefined ? 'Another backend' : `Another backend (process ${other.pid}, started ${other.startedAt})`;
  return new PoolError(`${who} works on this drive already (${path.join(stateFolder, RECORD)}).`, '`pxen status` shows what it does, `pxen down` shuts its pool down; or end that process first.');
}

function parseRecord(text: string): BackendRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<BackendRecord> | null;
    return typeof value?.pid === 'number' && typeof value.socket === 'string' ? (value as BackendRecord) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs as another user (kill(2)).
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
