/** The ssh server of a simulated dom0: real keys, real login, commands handed to the lab's shell. */

import type { Socket } from 'node:net';
import { Server, utils, type Connection, type ServerChannel } from 'ssh2';
import type { Ended } from './dom0/command';

export interface SshdOptions {
  /** OpenSSH private key. */
  readonly hostKey: string;
  readonly authorizedKeys: readonly string[];
  /** Rejects when the power goes while it runs. */
  readonly run: (line: string, stdin: AsyncIterable<Buffer>) => Promise<Ended>;
}

/** sshd_config(5): more sessions than this on one connection are refused. OpenSSH's default, stricter than the image's. */
const MAX_SESSIONS = 10;

export class Sshd {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly options: SshdOptions) {
    this.server = new Server({ hostKeys: [options.hostKey] }, (connection) => this.serve(connection));
  }

  /** Takes a connection that was accepted on the machine's address. */
  accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    this.server.injectSocket(socket);
  }

  /** The power goes: connections end without a goodbye. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(connection: Connection): void {
    const keys = this.options.authorizedKeys.flatMap((line) => {
      const key = utils.parseKey(line);
      return key instanceof Error ? [] : [key];
    });
    let sessions = 0;
    // Broken connections are the client's affair.
    connection.on('error', () => undefined);
    connection.on('authentication', (request) => {
      if (request.method !== 'publickey' || request.username !== 'root') {
        request.reject(['publickey']);
        return;
      }
      const key = keys.find((candidate) => candidate.getPublicSSH().equals(request.key.data));
      const signed = request.signature === undefined || request.blob === undefined || key?.verify(request.blob, request.signature, request.hashAlgo) === true;
      if (key !== undefined && signed) request.accept();
      else request.reject(['publickey']);
    });
    connection.on('session', (accept, reject) => {
      if (sessions >= MAX_SESSIONS) {
        reject();
        return;
      }
      sessions += 1;
      const session = accept();
      session.on('close', () => (sessions -= 1));
      session.on('exec', (acceptExec, _reject, info) => {
        const channel = acceptExec();
        this.execute(channel, info.command);
      });
    });
  }

  private execute(channel: ServerChannel, line: string): void {
    channel.on('error', () => undefined);
    // The default iterator would close the channel at the end of its input, before the command's own end.
    const stdin = channel.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    this.options.run(line, stdin).then(
      ({ code, stdout, stderr }) => {
        if (stdout !== '') channel.write(stdout);
        if (stderr !== '') channel.stderr.write(stderr);
        channel.exit(code);
        channel.end();
      },
      // The power went; its connections are gone with it.
      () => channel.destroy(),
    );
  }
}
