/** An ssh server for tests whose commands are a function, and a cable to it that can be cut or go dead. */

import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { Server, type ServerChannel } from 'ssh2';
import { onTestFinished } from 'vitest';
import { newKeyPair } from '../../src/backend/hosts/keyPair';
import type { HostTarget } from '../../src/backend/hosts/control';
import { HOST } from './dom0';

export interface TestServer {
  readonly target: HostTarget;
  /** Packets go nowhere any more, and the connection stays open: a dead peer. */
  readonly goDead: () => void;
  /** The connection is reset. */
  readonly cut: () => void;
  readonly attempts: { logins: number; sessions: number; mostSessions: number };
}

export interface TestServerOptions {
  readonly run: (command: string, channel: ServerChannel) => void;
  /** Pins this key instead of the server's own. */
  readonly pinned?: string;
  readonly refuseLogin?: boolean;
}

export async function sshServer({ run, pinned, refuseLogin }: TestServerOptions): Promise<TestServer> {
  const hostKey = newKeyPair();
  const clientKey = newKeyPair();
  const attempts = { logins: 0, sessions: 0, mostSessions: 0 };
  const server = new Server({ hostKeys: [hostKey.private] }, (connection) => {
    connection.on('error', () => undefined);
    connection.on('authentication', (request) => {
      attempts.logins += 1;
      if (refuseLogin === true) request.reject(['publickey']);
      else request.accept();
    });
    connection.on('session', (accept) => {
      const session = accept();
      session.on('exec', (acceptExec, _reject, { command }) => {
        attempts.sessions += 1;
        attempts.mostSessions = Math.max(attempts.mostSessions, attempts.sessions);
        const channel = acceptExec();
        channel.on('close', () => (attempts.sessions -= 1));
        run(command, channel);
        // Else the channel's close waits for somebody to read its input.
        channel.resume();
      });
    });
  });
  const serverPort = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

  const sockets: Socket[] = [];
  const cable = createServer((near) => {
    const far = connect(serverPort, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  const port = await new Promise<number>((resolve) => {
    cable.listen(0, '127.0.0.1', () => resolve((cable.address() as AddressInfo).port));
  });
  const cut = () => sockets.forEach((socket) => socket.destroy());
  onTestFinished(() => {
    cut();
    cable.close();
    server.close();
  });
  return {
    target: { host: HOST, address: '127.0.0.1', port, hostKeys: [pinned ?? hostKey.public], privateKey: clientKey.private },
    attempts,
    cut,
    goDead: () => {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
  };
}
