/** Free ports for the peers, which can't pick one themselves, and whether somebody answers there. */

import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { decodeTftp, encodeTftp } from '../../src/backend/netboot/tftp/codec';

export async function freeUdpPort(address: string): Promise<number> {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

export async function freeTcpPort(address: string): Promise<number> {
  const server = net.createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Any answer to a request for a file that isn't there will do. */
export async function tftpAnswers(address: string, port: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4');
  const answered = new Promise<boolean>((resolve) => {
    socket.once('message', (bytes) => resolve(decodeTftp(bytes) !== undefined));
    socket.once('error', () => resolve(false));
    setTimeout(() => resolve(false), 100);
  });
  socket.send(encodeTftp({ kind: 'read', file: 'not-there', mode: 'octet', options: new Map() }), port, address);
  const result = await answered;
  socket.close();
  return result;
}

export async function tcpAnswers(address: string, port: number): Promise<boolean> {
  const socket = net.connect(port, address);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).then((result) => {
    socket.destroy();
    return result as boolean;
  });
}
