/** The backend's side of the port helper: started when a port is first refused, ended when all are open. */

import { spawn, type ChildProcess } from 'node:child_process';
import type dgram from 'node:dgram';
import type net from 'node:net';
import type { BoundAddress, Transport } from '../portOwner';
import { rootDismissed, rootRefused } from '../listenError';
import type { HelperCommand } from './command';
import type { PortProblem, PortReply, PortRequest } from './request';

/** Opens ports that this process may not open itself. Rejects with a `ListenError`, or a `PortProblemError` that the system gave. */
export interface PortHelper {
  udp(at: BoundAddress & Pick<PortRequest, 'isShared'>): Promise<dgram.Socket>;
  tcp(at: BoundAddress): Promise<net.Server>;
  /** Lets root go. Sockets that were handed over stay open. */
  close(): void;
}

/** What the system said to the helper, as it would have to us. */
export class PortProblemError extends Error {
  override readonly name = 'PortProblemError';
  readonly code: string;

  constructor(readonly problem: PortProblem) {
    super(problem.message);
    this.code = problem.code;
  }
}

interface Waiting {
  readonly resolve: (socket: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** On a terminal: a wrong password, or none. */
const SUDO_REMEDY = 'Give the password, or run it as root; where your account may not use sudo, ask for the right to.';

/** Starts nothing yet: where the ports are free to bind nobody is asked for a password. */
export function createPortHelper(command: HelperCommand): PortHelper {
  let started: Started | undefined;
  const ask = (transport: Transport, { address, port }: BoundAddress, isShared: boolean) => {
    started ??= new Started(command);
    return started.ask({ transport, address, port, isShared });
  };
  return {
    udp: async (at) => (await ask('udp', at, at.isShared)) as dgram.Socket,
    tcp: async (at) => (await ask('tcp', at, false)) as net.Server,
    close: () => {
      started?.close();
      started = undefined;
    },
  };
}

class Started {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #over: Error | undefined;

  constructor({ file, args }: HelperCommand) {
    // sudo's questions and pkexec's complaints are for people: standard error, and the terminal itself.
    this.#child = spawn(file, args, { stdio: ['ipc', 'ignore', 'inherit'], serialization: 'json' });
    this.#child.on('message', (reply, socket) => this.#take(reply as PortReply, socket));
    this.#child.once('error', (error) => this.#end('code' in error && error.code === 'ENOENT' ? rootRefused(`there is no ${file} here`) : rootRefused(error.message)));
    // pkexec(1), RETURN VALUE: 126 when the dialog was dismissed.
    this.#child.once('exit', (code) => this.#end(file === 'pkexec' && code === 126 ? rootDismissed() : rootRefused(`${file} ended with ${code === null ? 'a signal' : `exit code ${code}`}`, file === 'sudo' ? SUDO_REMEDY : undefined)));
  }

  ask(wanted: Omit<PortRequest, 'id'>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(this.#over);
        return;
      }
      this.#lastId += 1;
      this.#waiting.set(this.#lastId, { resolve, reject });
      this.#child.send({ id: this.#lastId, ...wanted } satisfies PortRequest, (error) => {
        // That it is gone shows at its end, with the reason.
        if (error && this.#over) reject(this.#over);
      });
    });
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #take({ id, problem }: PortReply, socket: unknown): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (problem) waiting?.reject(new PortProblemError(problem));
    else waiting?.resolve(socket);
  }

  #end(cause: Error): void {
    this.#over ??= cause;
    for (const { reject } of this.#waiting.values()) reject(this.#over);
    this.#waiting.clear();
  }
}
