/** Stands between TFTP clients and a server on loopback, and loses datagrams as told: every client talks to it alone. */

import dgram from 'node:dgram';
import { onTestFinished } from 'vitest';

export interface LossyRelay {
  readonly port: number;
  readonly lost: () => number;
}

/** `lose` is asked for each datagram after a client's first, with its running number. */
export async function openLossyRelay(serverPort: number, lose: (number: number) => boolean): Promise<LossyRelay> {
  const sockets: dgram.Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.close();
  });
  const open = async () => {
    const socket = dgram.createSocket('udp4');
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return socket;
  };
  let count = 0;
  let lost = 0;
  const carry = (socket: dgram.Socket, bytes: Buffer, port: number) => {
    if (lose((count += 1))) lost += 1;
    else socket.send(bytes, port, '127.0.0.1');
  };
  const listener = await open();
  listener.on('message', (request, { port: clientPort }) => {
    void (async () => {
      const [toServer, toClient] = [await open(), await open()];
      let transferPort = serverPort;
      toServer.on('message', (bytes, { port }) => {
        transferPort = port;
        carry(toClient, bytes, clientPort);
      });
      toClient.on('message', (bytes) => carry(toServer, bytes, transferPort));
      toServer.send(request, serverPort, '127.0.0.1');
    })();
  });
  return { port: listener.address().port, lost: () => lost };
}
