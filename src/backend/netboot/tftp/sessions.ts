/** Read requests in, transfers out, up to a limit at once. Read only. No sockets: packets leave through a wire. */

import type { Clock } from '../../system';
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from './codec';
import { fileOfName, type NamedFile } from './names';
import { negotiate, type TransferLimits } from './negotiate';
import { Places } from './places';
import { Transfer, type TransferEnd } from './transfer';
import { Waiting } from './waiting';
import type { Channel, Peer, TftpWire } from './wire';

export interface TftpSessionsOptions {
  /** Asked anew for each request: the folder and the names in it that may be read. */
  readonly files: () => { readonly folder: string; readonly names: readonly string[] };
  readonly limits: TransferLimits;
  /** Places for transfers; further ones wait for their first packet, which clients bear, rather than for a later one. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly onEvent: (event: TftpEvent) => void;
  /** How many transfers run, those that stepped aside included, and how many requests wait; told at each change. */
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

type Request = Extract<TftpPacket, { kind: 'read' | 'write' }>;

interface Asked {
  readonly request: Request;
  readonly peer: Peer;
}

/** A read request for a file that is served. */
interface Wanted extends Asked {
  readonly named: Extract<NamedFile, { kind: 'file' }>;
}

interface Session {
  readonly wanted: Wanted;
  readonly address: string;
  /** Both undefined while the file is being opened. */
  transfer?: Transfer;
  channel?: Channel;
}

const WAITING_LIMIT_MS = 30_000;
const MOST_WAITING = 4096;
/** While requests wait, it is looked so often whether a transfer should step aside: to look at each packet would make a flood dearer. */
const LOOK_MS = 250;

export class TftpSessions {
  readonly #options: TftpSessionsOptions;
  readonly #wire: TftpWire;
  readonly #read: (folder: string, name: string) => Promise<Buffer>;
  /** By client address and port. */
  readonly #ongoing = new Map<string, Session>();
  readonly #places: Places<Session>;
  readonly #waiting = new Waiting<Wanted>({ limit: MOST_WAITING, patienceMs: WAITING_LIMIT_MS });
  #cancelLook: (() => void) | undefined;
  #closing = false;

  /** `read` gives a file's content as it is now; it rejects in words. */
  constructor(options: TftpSessionsOptions, wire: TftpWire, read: (folder: string, name: string) => Promise<Buffer>) {
    this.#options = options;
    this.#wire = wire;
    this.#read = read;
    this.#places = new Places(options.concurrency);
  }

  /** A datagram that came to the listening port and belongs to no transfer. */
  receive(bytes: Buffer, peer: Peer): void {
    if (this.#closing) return;
    const packet = decodeTftp(bytes);
    if (packet?.kind === 'write') {
      this.#refuse({ request: packet, peer }, TFTP_ERROR.accessViolation, 'this server is read only');
    } else if (packet?.kind === 'read') {
      this.#answer({ request: packet, peer });
    }
    // Nothing else is answered: tftp-hpa acknowledges an error, and would take ours to that for the answer to its next request.
  }

  /** Ends all transfers; resolves when their channels are closed. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#cancelLook?.();
    this.#waiting.clear();
    const ongoing = [...this.#ongoing.values()];
    for (const { transfer } of ongoing) transfer?.abandon('the boot server stopped');
    await Promise.all(ongoing.flatMap(({ channel }) => (channel ? [channel.closed] : [])));
  }

  /** What needs no transfer needs no place, and is answered at once: every newer iPXE waits for the word that there is no `autoexec.ipxe`. */
  #answer(asked: Asked): void {
    const { request, peer } = asked;
    const former = this.#ongoing.get(keyOf(peer))?.transfer;
    // Some PXE ROMs use one port for everything: a new request then means they are done with the old one.
    if (former?.begun === true) former.abandon('the client began anew');
    const named = fileOfName(request.file, this.#options.files().names);
    if (named.kind === 'refused') {
      this.#refuse(asked, TFTP_ERROR.accessViolation, named.reason);
    } else if (named.kind === 'unknown') {
      this.#sendError(peer, TFTP_ERROR.notFound, 'file not found');
      this.#report(asked, { kind: 'unknown-file' });
    } else if (request.mode !== 'octet') {
      this.#refuse({ ...asked, named }, TFTP_ERROR.illegalOperation, `mode ${request.mode} would change the file; only octet is served`);
    } else {
      this.#admit({ ...asked, named });
    }
  }

  #admit(wanted: Wanted): void {
    const { peer } = wanted;
    const key = keyOf(peer);
    // The same request again, before our first answer arrived: that answer is repeated by its own timer.
    if (this.#ongoing.has(key)) return;
    if (this.#places.free) {
      this.#start(wanted);
    } else {
      this.#waiting.add(key, peer.address, wanted, this.#options.clock.now());
      this.#lookLater();
      this.#tellLoad();
    }
  }

  #start(wanted: Wanted): void {
    const session: Session = { wanted, address: wanted.peer.address };
    this.#ongoing.set(keyOf(wanted.peer), session);
    this.#places.take(session);
    this.#places.surplus()?.transfer?.abandon('the client was silent for longest while others waited');
    this.#tellLoad();
    void this.#begin(session).catch((error: unknown) => {
      if (session.transfer) {
        session.transfer.abandon(messageOf(error));
      } else {
        this.#leave(session);
        this.#report(wanted, { kind: 'failed', reason: messageOf(error) });
      }
    });
  }

  /** Its place is free for the next. */
  #leave(session: Session): void {
    this.#ongoing.delete(keyOf(session.wanted.peer));
    this.#places.leave(session);
    while (!this.#closing && this.#places.free) {
      const next = this.#nextWaiting(() => true);
      if (!next) break;
      this.#start(next);
    }
    this.#tellLoad();
  }

  #nextWaiting(admits: (address: string) => boolean): Wanted | undefined {
    return this.#waiting.next(this.#options.clock.now(), (address) => this.#places.heldBy(address), admits)?.request;
  }

  #lookLater(): void {
    this.#cancelLook ??= this.#options.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
      if (this.#waiting.size > 0) this.#lookLater();
    });
  }

  /** Lets in who waits where others should step aside. */
  #look(): void {
    for (;;) {
      const next = this.#nextWaiting((address) => this.#places.makeRoomFor(address));
      if (!next) return;
      this.#start(next);
    }
  }

  async #begin(session: Session): Promise<void> {
    const { wanted } = session;
    const { peer, named } = wanted;
    let content: Buffer;
    try {
      content = await this.#read(this.#options.files().folder, named.name);
    } catch (error) {
      this.#sendError(peer, TFTP_ERROR.notFound, `${named.name} can't be read on the server`);
      this.#leave(session);
      this.#report(wanted, { kind: 'failed', reason: messageOf(error) });
      return;
    }
    await this.#transfer(session, content);
  }

  async #transfer(session: Session, content: Buffer): Promise<void> {
    const { wanted } = session;
    // Packets and errors come only after the channel is open, and the transfer is there then.
    const channel = await this.#wire.open(wanted.peer, { receive: (bytes) => transfer.receive(decodeTftp(bytes)), onError: (error) => transfer.abandon(error.message) });
    const transfer: Transfer = new Transfer({
      content,
      terms: negotiate(wanted.request.options, content.length, this.#options.limits),
      clock: this.#options.clock,
      send: (parts) => channel.send(parts),
      onEnd: (end) => {
        channel.close();
        this.#leave(session);
        this.#report(wanted, outcomeOf(end, content.length), transfer.resent);
      },
    });
    session.transfer = transfer;
    session.channel = channel;
    if (this.#closing) transfer.abandon('the boot server stopped');
    else transfer.start();
  }

  #refuse(asked: Asked | Wanted, code: number, reason: string): void {
    this.#sendError(asked.peer, code, reason);
    this.#report(asked, { kind: 'refused', reason });
  }

  #sendError(peer: Peer, code: number, message: string): void {
    this.#wire.reply(peer, encodeTftp({ kind: 'error', code, message }));
  }

  #report(asked: Asked | Wanted, outcome: TftpOutcome, resent = 0): void {
    const { address, port } = asked.peer;
    const { name, mac } = 'named' in asked ? asked.named : { name: asked.request.file };
    this.#options.onEvent({ client: { address, port }, file: name, ...(mac !== undefined && { mac }), outcome, resent });
  }

  #tellLoad(): void {
    this.#options.onLoad({ running: this.#ongoing.size, waiting: this.#waiting.size });
  }
}

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
