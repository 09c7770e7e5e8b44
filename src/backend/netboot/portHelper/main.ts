/**
 * The port helper: the only part of PXEN that runs as root on an administrator's machine, started by pkexec or sudo. It opens
 * the boot server's ports below 1024 and hands them, as descriptors, to the backend that asked. It reads no file of the drive
 * and listens nowhere.
 *
 * The channel is one end of a socket pair that the backend made and left to it as standard input. Nobody else has or can get
 * the other end, so there is no peer to be checked and no address that could be guessed. When the other end closes, because the
 * backend has what it wanted or is gone, however it went, the helper ends.
 */

import dgram from 'node:dgram';
import net from 'node:net';
import { machineInterfaces } from '../machineInterfaces';
import { findPortOwner } from '../portOwner';
import { allowedRequest, type PortProblem, type PortReply, type PortRequest } from './request';

process.on('message', (message) => void answer(message));
process.on('disconnect', () => process.exit());
// Started by hand, without a channel: there is nobody to serve.
if (!process.connected) {
  process.stderr.write('This is started by pxen, to open the ports of DHCP, TFTP, HTTP and DNS.\n');
  process.exitCode = 2;
}

async function answer(message: unknown): Promise<void> {
  const local = Object.values(machineInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []);
  const request = allowedRequest(message, local);
  if (request === undefined) {
    // Nothing that PXEN sends. Whoever speaks here gets no second try.
    process.exit(1);
  }
  const { id } = request;
  try {
    const socket = await open(request);
    // Our own copy would take datagrams and connections away from the backend's.
    reply({ id }, socket, () => socket.close());
  } catch (error) {
    reply({ id, problem: await problemOf(error, request) });
  }
}

function open({ transport, address, port, isShared }: PortRequest): Promise<dgram.Socket | net.Server> {
  return new Promise((resolve, reject) => {
    const socket = transport === 'udp' ? dgram.createSocket({ type: 'udp4', reuseAddr: isShared }) : net.createServer({ pauseOnConnect: true });
    socket.once('error', reject);
    socket.once('listening', () => resolve(socket));
    if (socket instanceof net.Server) socket.listen({ host: address, port, exclusive: true });
    else socket.bind({ address, port, exclusive: true });
  });
}

async function problemOf(error: unknown, { transport, address, port }: PortRequest): Promise<PortProblem> {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
  // Root sees whose it is; the backend may not.
  const owner = code === 'EADDRINUSE' ? await findPortOwner(transport, { address, port }) : undefined;
  return { code, message, ...(owner && { owner }) };
}

function reply(message: PortReply, socket?: dgram.Socket | net.Server, sent: () => void = () => undefined): void {
  process.send?.(message, socket, {}, sent);
}
