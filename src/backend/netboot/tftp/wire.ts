/** How the TFTP server's packets get to machines and back: over sockets here, over a simulated link in the herd's test. */

import type dgram from 'node:dgram';
import type { PortHelper } from '../portHelper/ask';
import { closeUdp, onDatagram, openUdp, portOf } from '../sockets';
import { Wakefulness } from './wakefulness';

export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** One transfer's way to its client. */
export interface Channel {
  /** One datagram made of these parts, which stay as they are. */
  send(parts: readonly Buffer[]): void;
  close(): void;
  /** Resolves when it is closed. */
  readonly closed: Promise<void>;
}

export interface ChannelEnds {
  readonly receive: (bytes: Buffer) => void;
  /** Nobody is there any more. */
  readonly onError: (error: Error) => void;
}

export interface TftpWire {
  /** From the listening port. A lost one is no loss: the client asks again. */
  reply(peer: Peer, bytes: Buffer): void;
  open(peer: Peer, ends: ChannelEnds): Promise<Channel>;
}

export interface SocketWire extends TftpWire {
  readonly port: number;
  close(): Promise<void>;
}

export interface SocketWireOptions {
  readonly bindAddress: string;
  readonly port: number;
  readonly portHelper?: PortHelper | undefined;
  /** All transfers are answered from the listening port, for networks whose firewall lets no other through. */
  readonly singlePort: boolean;
  readonly onRequest: (bytes: Buffer, peer: Peer) => void;
  readonly onError: (error: Error) => void;
}

export async function openSocketWire(options: SocketWireOptions): Promise<SocketWire> {
  const { bindAddress, port, portHelper, onRequest, onError } = options;
  const socket = await openUdp('TFTP', { address: bindAddress, port, helper: portHelper }, onError);
  const wakefulness = new Wakefulness();
  const shared = new SharedPort(socket, wakefulness);
  let closing = false;
  onDatagram(socket, (bytes, peer) => {
    if (!shared.take(bytes, peer)) onRequest(bytes, peer);
  });
  return {
    port: portOf(socket),
    reply: (peer, bytes) => {
      if (!closing) socket.send(bytes, peer.port, peer.address);
    },
    open: (peer, ends) => (options.singlePort ? Promise.resolve(shared.open(peer, ends)) : openOwnPort(bindAddress, peer, ends, wakefulness)),
    close: () => {
      closing = true;
      return closeUdp(socket);
    },
  };
}

/** The socket is connected: datagrams from any other address or port never reach the transfer (RFC 1350 §4). */
async function openOwnPort(bindAddress: string, peer: Peer, { receive, onError }: ChannelEnds, wakefulness: Wakefulness): Promise<Channel> {
  const socket = await openUdp('A TFTP transfer', { address: bindAddress, port: 0 }, (error) => onError(isRefused(error) ? new Error('the client closed its port', { cause: error }) : error));
  const closed = new Promise<void>((resolve) => socket.once('close', resolve));
  try {
    await new Promise<void>((resolve, reject) => socket.connect(peer.port, peer.address, (error?: Error) => (error ? reject(error) : resolve())));
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on('message', (bytes) => {
    wakefulness.heard();
    receive(bytes);
  });
  return {
    send: (parts) => {
      // Without a callback, which costs as much as the packet: one that can't be sent is a lost one, and a client that has
      // gone is told of by the socket's error.
      socket.send(parts);
      wakefulness.expect();
    },
    close: () => socket.close(),
    closed,
  };
}

/** An ICMP error came back: nobody listens where the packets go (ip(7)). */
function isRefused(error: Error): boolean {
  return 'code' in error && error.code === 'ECONNREFUSED';
}

/** Transfers that share the listening port, told apart by the client's address and port. */
class SharedPort {
  readonly #socket: dgram.Socket;
  readonly #wakefulness: Wakefulness;
  readonly #receivers = new Map<string, (bytes: Buffer) => void>();

  constructor(socket: dgram.Socket, wakefulness: Wakefulness) {
    this.#socket = socket;
    this.#wakefulness = wakefulness;
  }

  /** False for what begins a transfer, or belongs to none. */
  take(bytes: Buffer, { address, port }: Peer): boolean {
    if (this.#receivers.size === 0 || isRequest(bytes)) return false;
    const receive = this.#receivers.get(`${address}:${port}`);
    this.#wakefulness.heard();
    receive?.(bytes);
    return receive !== undefined;
  }

  open({ address, port }: Peer, { receive }: ChannelEnds): Channel {
    const key = `${address}:${port}`;
    this.#receivers.set(key, receive);
    let tellClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (tellClosed = resolve));
    return {
      send: (parts) => {
        this.#socket.send(parts, port, address);
        this.#wakefulness.expect();
      },
      close: () => {
        // The client may have begun anew meanwhile, from the same port.
        if (this.#receivers.get(key) === receive) this.#receivers.delete(key);
        tellClosed();
      },
      closed,
    };
  }
}

/** RRQ or WRQ (RFC 1350 §5). */
function isRequest(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes[0] === 0 && (bytes[1] === 1 || bytes[1] === 2);
}
