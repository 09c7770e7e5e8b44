/**
 * Who works on a drive: `backend.json` in its state folder, and the socket it names. A record is believed only while that
 * socket answers, so one that a killed backend left behind is in nobody's way.
 */

import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { BackendRecord, PoolTarget } from '../../protocol';
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
/** A local socket answers at once or not at all. */
const CONNECT_MS = 2_000;

/** Claims the folder for this process. Rejects with a `PoolError` while another backend has it. */
export async function claimPool({ stateFolder, target, clock, onConnection }: ClaimOptions): Promise<Claim> {
  await mkdir(stateFolder, { recursive: true });
  const file = path.join(stateFolder, RECORD);
  const { server, socket, close } = await listen(onConnection);
  try {
    const record: BackendRecord = { pid: process.pid, socket, startedAt: new Date(clock.now()).toISOString(), target };
    await writeRecord(stateFolder, file, record, clock);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    release: async () => {
      await rm(file, { force: true });
      server.unref();
      await close();
    },
  };
}

/** The backend that works on this folder; undefined when there is none, or only the record of one that has ended. */
export async function findBackend(stateFolder: string, clock: Clock): Promise<BackendRecord | undefined> {
  const record = await readRecord(path.join(stateFolder, RECORD));
  if (record === undefined || !isAlive(record.pid)) return undefined;
  try {
    (await connectTo(record.socket, clock)).destroy();
    return record;
  } catch {
    // Nobody listens there any more: the process that has this id now is another.
    return undefined;
  }
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

/** Exclusive creation decides between two that start at the same time. */
async function writeRecord(stateFolder: string, file: string, record: BackendRecord, clock: Clock): Promise<void> {
  for (const last of [false, true]) {
    try {
      const handle = await open(file, 'wx', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const other = await findBackend(stateFolder, clock);
      if (other !== undefined || last) throw busy(stateFolder, other);
      await rm(file, { force: true });
    }
  }
}

function busy(stateFolder: string, other: BackendRecord | undefined): PoolError {
  const who = other === undefined ? 'Another backend' : `Another backend (process ${other.pid}, started ${other.startedAt})`;
  return new PoolError(`${who} works on this drive already (${path.join(stateFolder, RECORD)}).`, '`pxen status` shows what it does, `pxen down` shuts its pool down; or end that process first.');
}

async function readRecord(file: string): Promise<BackendRecord | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value = JSON.parse(text) as Partial<BackendRecord> | null;
    return typeof value?.pid === 'number' && typeof value.socket === 'string' ? (value as BackendRecord) : undefined;
  } catch {
    // Cut off by a power cut or a pulled drive: its writer is gone.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs as another user (kill(2)).
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
