/** Read requests in, transfers out, up to a limit at once. Read only. No sockets: packets leave through a wire. */

import type { Clock } from '../../system';
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from './codec';
import { fileOfName } from './names';
import { negotiate, type TransferLimits } from './negotiate';
import { Transfer, type TransferEnd } from './transfer';
import { Waiting } from './waiting';
import type { Channel, Peer, TftpWire } from './wire';

export interface TftpSessionsOptions {
  /** Asked anew for each request: the folder and the names in it that may be read. */
  readonly files: () => { readonly folder: string; readonly names: readonly string[] };
  readonly limits: TransferLimits;
  /** Transfers at once; further ones wait for their first packet, which clients bear, rather than for a later one. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly onEvent: (event: TftpEvent) => void;
  /** How many transfers run, and how many requests wait; told at each change. */
  readonly onLoad: (load: { readonly running: number; readonly waiting: number }) => void;
}

export interface TftpEvent {
  readonly client: Peer;
  /** From the name asked for, when DHCP gave it out. */
  readonly mac?: string;
  readonly file: string;
  readonly outcome: TftpOutcome;
  /** Packets sent more than once. */
  readonly resent: number;
}

export type TftpOutcome =
  | { readonly kind: 'sent'; readonly bytes: number }
  | { readonly kind: 'only-asked' }
  | { readonly kind: 'unknown-file' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

type ReadRequest = Extract<TftpPacket, { kind: 'read' | 'write' }>;

interface Asked {
  readonly request: ReadRequest;
  readonly peer: Peer;
}

interface Ongoing {
  readonly transfer: Transfer;
  readonly channel: Channel;
}

const WAITING_LIMIT_MS = 30_000;
const MOST_WAITING = 4096;

export class TftpSessions {
  readonly #options: TftpSessionsOptions;
  readonly #wire: TftpWire;
  readonly #read: (folder: string, name: string) => Promise<Buffer>;
  /** By client address and port. `undefined` while the file is being opened. */
  readonly #ongoing = new Map<string, Ongoing | undefined>();
  readonly #runningOf = new Map<string, number>();
  readonly #waiting = new Waiting<Asked>({ limit: MOST_WAITING, patienceMs: WAITING_LIMIT_MS });
  #closing = false;

  /** `read` gives a file's content as it is now; it rejects in words. */
  constructor(options: TftpSessionsOptions, wire: TftpWire, read: (folder: string, name: string) => Promise<Buffer>) {
    this.#options = options;
    this.#wire = wire;
    this.#read = read;
  }

  /** A datagram that came to the listening port and belongs to no transfer. */
  receive(bytes: Buffer, peer: Peer): void {
    const packet = decodeTftp(bytes);
    if (packet?.kind === 'write') {
      this.#refuse({ request: packet, peer }, TFTP_ERROR.accessViolation, 'this server is read only');
    } else if (packet?.kind === 'read') {
      this.#admit({ request: packet, peer });
    } else if (packet !== undefined && packet.kind !== 'error') {
      this.#sendError(peer, TFTP_ERROR.unknownTransfer, 'no transfer runs on this port');
    }
  }

  /** Ends all transfers; resolves when their channels are closed. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#waiting.clear();
    const ongoing = [...this.#ongoing.values()].filter((entry) => entry !== undefined);
    for (const { transfer } of ongoing) transfer.abandon('the boot server stopped');
    await Promise.all(ongoing.map(({ channel }) => channel.closed));
  }

  #admit(asked: Asked): void {
    const key = keyOf(asked.peer);
    const ongoing = this.#ongoing.get(key);
    // The same request again, before our first answer arrived: that answer is repeated by its own timer.
    if (this.#ongoing.has(key) && !ongoing?.transfer.begun) return;
    // Some PXE ROMs use one port for everything: a new request then means they are done with the old one.
    ongoing?.transfer.abandon('the client began anew');
    if (this.#ongoing.size >= this.#options.concurrency) {
      this.#waiting.add(key, asked.peer.address, asked, this.#options.clock.now());
      this.#tellLoad();
    } else {
      this.#start(key, asked);
    }
  }

  #start(key: string, asked: Asked): void {
    const { address } = asked.peer;
    this.#ongoing.set(key, undefined);
    this.#runningOf.set(address, (this.#runningOf.get(address) ?? 0) + 1);
    this.#tellLoad();
    void this.#begin(asked).catch((error: unknown) => {
      this.#leave(asked.peer, undefined);
      this.#report(asked, undefined, { kind: 'failed', reason: messageOf(error) });
    });
  }

  /** The place is free for the next. */
  #leave(peer: Peer, transfer: Transfer | undefined): void {
    const key = keyOf(peer);
    if (this.#ongoing.get(key)?.transfer === transfer) this.#ongoing.delete(key);
    const running = (this.#runningOf.get(peer.address) ?? 1) - 1;
    if (running > 0) this.#runningOf.set(peer.address, running);
    else this.#runningOf.delete(peer.address);
    while (!this.#closing && this.#ongoing.size < this.#options.concurrency) {
      const next = this.#waiting.next(this.#options.clock.now(), (address) => this.#runningOf.get(address) ?? 0);
      if (!next) break;
      this.#start(next.key, next.request);
    }
    this.#tellLoad();
  }

  async #begin(asked: Asked): Promise<void> {
    const { request, peer } = asked;
    const { folder, names } = this.#options.files();
    const named = fileOfName(request.file, names);
    const stop = (code: number, message: string, outcome: TftpOutcome) => {
      this.#sendError(peer, code, message);
      this.#leave(peer, undefined);
      this.#report(asked, named, outcome);
    };
    if (named.kind === 'refused') {
      stop(TFTP_ERROR.accessViolation, named.reason, named);
    } else if (named.kind === 'unknown') {
      stop(TFTP_ERROR.notFound, 'file not found', { kind: 'unknown-file' });
    } else if (request.mode !== 'octet') {
      const reason = `mode ${request.mode} would change the file; only octet is served`;
      stop(TFTP_ERROR.illegalOperation, reason, { kind: 'refused', reason });
    } else {
      let content: Buffer;
      try {
        content = await this.#read(folder, named.name);
      } catch (error) {
        stop(TFTP_ERROR.notFound, `${named.name} can't be read on the server`, { kind: 'failed', reason: messageOf(error) });
        return;
      }
      await this.#transfer(asked, named, content);
    }
  }

  async #transfer(asked: Asked, named: NamedFile, content: Buffer): Promise<void> {
    const { request, peer } = asked;
    // Packets and errors come only after the channel is open, and the transfer is there then.
    const channel = await this.#wire.open(peer, { receive: (bytes) => transfer.receive(decodeTftp(bytes)), onError: (error) => transfer.abandon(error.message) });
    const transfer: Transfer = new Transfer({
      content,
      terms: negotiate(request.options, content.length, this.#options.limits),
      clock: this.#options.clock,
      send: (parts) => channel.send(parts),
      onEnd: (end) => {
        channel.close();
        this.#leave(peer, transfer);
        this.#report(asked, named, outcomeOf(end, content.length), transfer.resent);
      },
    });
    this.#ongoing.set(keyOf(peer), { transfer, channel });
    if (this.#closing) transfer.abandon('the boot server stopped');
    else transfer.start();
  }

  #refuse(asked: Asked, code: number, reason: string): void {
    this.#sendError(asked.peer, code, reason);
    this.#report(asked, undefined, { kind: 'refused', reason });
  }

  #sendError(peer: Peer, code: number, message: string): void {
    if (!this.#closing) this.#wire.reply(peer, encodeTftp({ kind: 'error', code, message }));
  }

  #report({ request, peer: { address, port } }: Asked, named: { readonly kind: string; readonly name?: string; readonly mac?: string } | undefined, outcome: TftpOutcome, resent = 0): void {
    this.#options.onEvent({ client: { address, port }, file: named?.name ?? request.file, ...(named?.mac !== undefined && { mac: named.mac }), outcome, resent });
  }

  #tellLoad(): void {
    this.#options.onLoad({ running: this.#ongoing.size, waiting: this.#waiting.size });
  }
}

type NamedFile = Extract<ReturnType<typeof fileOfName>, { kind: 'file' }>;

function keyOf({ address, port }: Peer): string {
  return `${address}:${port}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function outcomeOf(end: TransferEnd, bytes: number): TftpOutcome {
  switch (end.kind) {
    case 'complete':
      return { kind: 'sent', bytes };
    case 'ended-by-client':
      return end.blocksTaken === 0 ? { kind: 'only-asked' } : { kind: 'failed', reason: `the client ended it: ${end.message || 'no reason given'}` };
    case 'abandoned':
      return { kind: 'failed', reason: end.reason };
  }
}
