/** The TFTP server: read requests in at one port, each transfer on a socket of its own. Read only. */

import type dgram from 'node:dgram';
import type { Clock } from '../../system';
import { closeUdp, onDatagram, openUdp, portOf } from '../sockets';
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from './codec';
import { BootFiles } from './files';
import { fileOfName } from './names';
import { negotiate, type TransferLimits } from './negotiate';
import { Transfer, type TransferEnd } from './transfer';

export interface TftpServerOptions {
  readonly bindAddress: string;
  readonly port: number;
  /** Asked anew for each request: the folder and the names in it that may be read. */
  readonly files: () => { readonly folder: string; readonly names: readonly string[] };
  readonly limits: TransferLimits;
  /** Transfers at once; further ones wait for their first packet, which clients bear, rather than for a later one. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly onEvent: (event: TftpEvent) => void;
}

export interface TftpEvent {
  readonly client: { readonly address: string; readonly port: number };
  /** From the name asked for, when DHCP gave it out. */
  readonly mac?: string;
  readonly file: string;
  readonly outcome:
    | { readonly kind: 'sent'; readonly bytes: number; readonly resent: number }
    | { readonly kind: 'only-asked' }
    | { readonly kind: 'unknown-file' }
    | { readonly kind: 'failed'; readonly reason: string };
}

export interface TftpServer {
  readonly port: number;
  close(): Promise<void>;
}

type ReadRequest = Extract<TftpPacket, { kind: 'read' | 'write' }>;

interface Ongoing {
  readonly transfer: Transfer;
  readonly socket: dgram.Socket;
  readonly closed: Promise<void>;
}

interface Waiting {
  readonly request: ReadRequest;
  readonly source: dgram.RemoteInfo;
  readonly lastAskedMs: number;
}

/** A client that hasn't repeated its request for so long has given up. */
const WAITING_LIMIT_MS = 30_000;
const MOST_WAITING = 4096;

export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const service = 'TFTP';
  const socket = await openUdp(service, { address: options.bindAddress, port: options.port }, (error) => {
    // An ICMP error for a datagram of ours ends up here; the transfer's own timer deals with it.
    options.onEvent({ client: { address: options.bindAddress, port: options.port }, file: '', outcome: { kind: 'failed', reason: error.message } });
  });
  const server = new Server(options, socket);
  return { port: portOf(socket), close: () => server.close() };
}

class Server {
  readonly #options: TftpServerOptions;
  readonly #socket: dgram.Socket;
  readonly #files = new BootFiles();
  /** By client address and port. `undefined` while the file is being opened. */
  readonly #ongoing = new Map<string, Ongoing | undefined>();
  readonly #waiting = new Map<string, Waiting>();
  #closing = false;

  constructor(options: TftpServerOptions, socket: dgram.Socket) {
    this.#options = options;
    this.#socket = socket;
    onDatagram(socket, (bytes, source) => this.#receive(decodeTftp(bytes), source));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#waiting.clear();
    const ongoing = [...this.#ongoing.values()].filter((entry) => entry !== undefined);
    for (const { transfer } of ongoing) transfer.abandon('the boot server stopped');
    await Promise.all([closeUdp(this.#socket), ...ongoing.map(({ closed }) => closed)]);
  }

  #receive(packet: TftpPacket | undefined, source: dgram.RemoteInfo): void {
    if (packet?.kind === 'write') {
      this.#refuse(packet, source, TFTP_ERROR.accessViolation, 'this server is read only');
    } else if (packet?.kind === 'read') {
      this.#admit(packet, source);
    } else if (packet !== undefined && packet.kind !== 'error') {
      this.#sendError(source, TFTP_ERROR.unknownTransfer, 'no transfer runs on this port');
    }
  }

  #admit(request: ReadRequest, source: dgram.RemoteInfo): void {
    const key = keyOf(source);
    if (this.#ongoing.has(key)) {
      const ongoing = this.#ongoing.get(key);
      // The same request again, before our first answer arrived: that answer is repeated by its own timer.
      if (!ongoing?.transfer.begun) return;
      // Some PXE ROMs use one port for everything: a new request then means they are done with the old one.
      ongoing.transfer.abandon('the client began anew');
    }
    if (this.#ongoing.size >= this.#options.concurrency) {
      this.#wait(key, request, source);
      return;
    }
    this.#ongoing.set(key, undefined);
    void this.#begin(request, source).catch((error: unknown) => {
      this.#ongoing.delete(key);
      this.#report(request, source, undefined, { kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
      this.#admitNext();
    });
  }

  /** In the order of the first request; a repeated one keeps its place. However many ask, the queue stays bounded. */
  #wait(key: string, request: ReadRequest, source: dgram.RemoteInfo): void {
    this.#waiting.set(key, { request, source, lastAskedMs: this.#options.clock.now() });
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
  }

  #admitNext(): void {
    const oldest = this.#options.clock.now() - WAITING_LIMIT_MS;
    for (const [key, { request, source, lastAskedMs }] of this.#waiting) {
      if (this.#ongoing.size >= this.#options.concurrency) return;
      this.#waiting.delete(key);
      if (lastAskedMs >= oldest) this.#admit(request, source);
    }
  }

  async #begin(request: ReadRequest, source: dgram.RemoteInfo): Promise<void> {
    const { folder, names } = this.#options.files();
    const named = fileOfName(request.file, names);
    const mac = named.kind === 'file' ? named.mac : undefined;
    const stop = (code: number, message: string, outcome: TftpEvent['outcome']) => {
      this.#ongoing.delete(keyOf(source));
      this.#sendError(source, code, message);
      this.#report(request, source, mac, outcome);
      this.#admitNext();
    };
    if (named.kind === 'refused') { stop(TFTP_ERROR.accessViolation, named.reason, { kind: 'failed', reason: named.reason }); return; }
    if (named.kind === 'unknown') { stop(TFTP_ERROR.notFound, 'file not found', { kind: 'unknown-file' }); return; }
    if (request.mode !== 'octet') {
      const reason = `mode ${request.mode} would change the file; only octet is served`;
      stop(TFTP_ERROR.illegalOperation, reason, { kind: 'failed', reason }); return;
    }
    let content: Buffer;
    try {
      content = await this.#files.read(folder, named.name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      stop(TFTP_ERROR.notFound, `${named.name} can't be read on the server`, { kind: 'failed', reason }); return;
    }
    if (!this.#closing) await this.#transfer(request, source, named, content);
  }

  /** The socket is connected: datagrams from any other address or port never reach the transfer (RFC 1350 §4). */
  async #transfer(request: ReadRequest, source: dgram.RemoteInfo, { name, mac }: { name: string; mac?: string }, content: Buffer): Promise<void> {
    const key = keyOf(source);
    const terms = negotiate(request.options, content.length, this.#options.limits);
    const socket = await openUdp('A TFTP transfer', { address: this.#options.bindAddress, port: 0 }, (error) => {
      // ECONNREFUSED: the client closed its port, as it does after asking only for the size.
      transfer.abandon(error.message);
    });
    const closed = new Promise<void>((resolve) => socket.once('close', resolve));
    const transfer: Transfer = new Transfer({
      content,
      terms,
      clock: this.#options.clock,
      send: (parts) => socket.send(parts, (error) => {
        if (error) transfer.abandon(error.message);
      }),
      onEnd: (end) => {
        socket.close();
        if (this.#ongoing.get(key)?.transfer === transfer) this.#ongoing.delete(key);
        this.#report({ ...request, file: name }, source, mac, outcomeOf(end, content.length, transfer.resent));
        if (!this.#closing) this.#admitNext();
      },
    });
    await new Promise<void>((resolve) => socket.connect(source.port, source.address, () => resolve()));
    if (this.#closing) {
      transfer.abandon('the boot server stopped');
      return;
    }
    this.#ongoing.set(key, { transfer, socket, closed });
    socket.on('message', (bytes) => transfer.receive(decodeTftp(bytes)));
    transfer.start();
  }

  #refuse(request: ReadRequest, source: dgram.RemoteInfo, code: number, reason: string): void {
    this.#sendError(source, code, reason);
    this.#report(request, source, undefined, { kind: 'failed', reason });
  }

  #sendError(source: dgram.RemoteInfo, code: number, message: string): void {
    // A lost error is no loss: the client asks again.
    if (!this.#closing) this.#socket.send(encodeTftp({ kind: 'error', code, message }), source.port, source.address);
  }

  #report(request: ReadRequest, { address, port }: dgram.RemoteInfo, mac: string | undefined, outcome: TftpEvent['outcome']): void {
    this.#options.onEvent({ client: { address, port }, file: request.file, ...(mac !== undefined && { mac }), outcome });
  }
}

function keyOf({ address, port }: dgram.RemoteInfo): string {
  return `${address}:${port}`;
}

function outcomeOf(end: TransferEnd, bytes: number, resent: number): TftpEvent['outcome'] {
  switch (end.kind) {
    case 'complete':
      return { kind: 'sent', bytes, resent };
    case 'ended-by-client':
      return end.blocksTaken === 0 ? { kind: 'only-asked' } : { kind: 'failed', reason: `the client ended it: ${end.message || 'no reason given'}` };
    case 'abandoned':
      return { kind: 'failed', reason: end.reason };
  }
}
