/** The backend's end of the link to the lab's process: starting it, or finding one that runs. */

import { fork } from 'node:child_process';
import { mkdtemp, open } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ConnectionError, createMessageConnection, ErrorCodes, ResponseError, StreamMessageReader, StreamMessageWriter, type MessageConnection } from 'vscode-jsonrpc/node';
import { writing } from '../../backend/drive/writeError';
import type { NetbootPorts } from '../../backend/netboot/endpoints';
import { PoolError } from '../../backend/pool/errors';
import type { Rack } from './hardware';
import { ADDRESSES, BUILD, CUT_POWER, END, SERVING, VIEW } from './link';
import type { MachineView } from './machine';
import type { RackAddresses } from './rack';

export interface LabClient {
  readonly socket: string;
  readonly addresses: RackAddresses;
  serving(ports: NetbootPorts): Promise<void>;
  view(): Promise<readonly MachineView[]>;
  cutPower(machine: string): Promise<void>;
  /** Switches every machine off and ends the lab's process. */
  end(): Promise<void>;
  /** Leaves the lab running, if it was told to stay. */
  leave(): void;
}

export interface StartLabOptions {
  readonly rack: Rack;
  /** The bundle of `main.ts`. */
  readonly program: string;
  /** The machines stay when this process ends. */
  readonly keep: boolean;
  /** What the machines' screens show, and what the lab's process has to complain about. */
  readonly logFile: string;
}

export async function startLab({ rack, program, keep, logFile }: StartLabOptions): Promise<LabClient> {
  // The temporary folder, since a socket's path may have 107 bytes at most (unix(7)). Mode 0700.
  const socket = path.join(await mkdtemp(path.join(os.tmpdir(), 'pxen-lab-')), 'machines.sock');
  const log = await writing(logFile, () => open(logFile, 'a'));
  try {
    await startProcess(program, socket, keep, logFile, log.fd);
  } finally {
    await log.close();
  }
  const link = await connectTo(socket);
  return clientOf(socket, link, await link.sendRequest(BUILD, rack));
}

/** Finds the machines of a lab that was started with `keep`. Rejects with a PoolError when there are none. */
export async function attachLab(socket: string): Promise<LabClient> {
  const link = await connectTo(socket);
  const addresses = await link.sendRequest(ADDRESSES, {});
  if (addresses === null) throw new PoolError(`The lab at ${socket} has no machines.`, 'Start a new one: pxen lab --keep.');
  return clientOf(socket, link, addresses);
}

function startProcess(program: string, socket: string, keep: boolean, logFile: string, logFd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(program, keep ? [socket, '--keep'] : [socket], { detached: keep, stdio: ['ignore', logFd, logFd, 'ipc'] });
    child.once('error', (error) => reject(new PoolError(`The lab's machines can't be started (${error.message}).`, `See whether ${program} is there; npm run build makes it.`)));
    child.once('exit', (code) => reject(new PoolError(`The lab's machines ended at once, with ${code ?? 'a signal'}.`, `${logFile} says why.`)));
    child.once('message', () => {
      // The channel stays open, and its end tells the child that this process is gone; it holds nothing up here.
      child.channel?.unref();
      child.unref();
      resolve();
    });
  });
}

function connectTo(socketPath: string): Promise<MessageConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('error', (error) => reject(new PoolError(`No lab answers at ${socketPath} (${error.message}).`, 'pxen lab --keep prints where its machines can be found again.')));
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      // The connection's own `onClose` follows.
      socket.on('error', () => undefined);
      const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
      connection.listen();
      resolve(connection);
    });
  });
}

function clientOf(socket: string, link: MessageConnection, addresses: RackAddresses): LabClient {
  const closed = { yes: false };
  link.onClose(() => {
    closed.yes = true;
    link.dispose();
  });
  return {
    socket,
    addresses,
    serving: async (ports) => {
      await link.sendRequest(SERVING, ports);
    },
    view: () => link.sendRequest(VIEW, {}),
    cutPower: async (machine) => {
      await link.sendRequest(CUT_POWER, { machine });
    },
    end: async () => {
      // The machines may have gone before: a terminal's hang-up reaches every process of its group.
      if (closed.yes) return;
      try {
        await link.sendRequest(END, {});
        link.end();
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
    leave: () => {
      if (!closed.yes) link.end();
    },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ResponseError && error.code === ErrorCodes.PendingResponseRejected);
}
