/**
 * One file on its way to one client: RFC 1350's lock step with RFC 2347 options and RFC 7440 windows. No sockets: packets
 * and time come in by calls, packets leave through `send`.
 */

import type { Clock } from '../../system';
import { DATA_HEADER_LENGTH, encodeTftp, writeDataHeader, type TftpPacket } from './codec';
import type { TransferTerms } from './negotiate';
import { Patience } from './patience';

export type TransferEnd =
  | { readonly kind: 'complete' }
  /** The client said so; after a request that was only about the size this is the normal end. */
  | { readonly kind: 'ended-by-client'; readonly message: string; readonly blocksTaken: number }
  | { readonly kind: 'abandoned'; readonly reason: string };

export interface TransferOptions {
  readonly content: Buffer;
  readonly terms: TransferTerms;
  /** Sends one datagram made of these parts. */
  readonly send: (parts: readonly Buffer[]) => void;
  readonly onEnd: (end: TransferEnd) => void;
  readonly clock: Clock;
}

const BLOCK_NUMBERS = 0x10000;

export class Transfer {
  /** Packets sent more than once: after a silence, or since an acknowledgement told of a gap. */
  resent = 0;

  readonly #options: TransferOptions;
  readonly #totalBlocks: number;
  /** Absolute numbers; the 16 bits on the wire roll over. */
  #acknowledged = 0;
  #sent = 0;
  /** The last block under way when a gap was told of. */
  #recovering = 0;
  #optionsPending: boolean;
  #ended = false;
  readonly #patience: Patience;
  #sentAtMs = 0;
  /** Whether what awaits an answer was sent more than once. */
  #ambiguous = false;
  #deadlineMs = 0;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(options: TransferOptions) {
    this.#options = options;
    // A last block shorter than the others ends the transfer, if need be an empty one.
    this.#totalBlocks = Math.floor(options.content.length / options.terms.blockSize) + 1;
    this.#optionsPending = options.terms.acknowledged.size > 0;
    this.#patience = new Patience(options.terms.timeoutMs);
  }

  /** Whether the client has answered at all; until then a repeated request is the same one again. */
  get begun(): boolean {
    return this.#acknowledged > 0 || (!this.#optionsPending && this.#options.terms.acknowledged.size > 0);
  }

  /** How long nothing has come that moved it on, since its start if nothing ever did. Milliseconds. */
  get silentMs(): number {
    return this.#patience.silentMs + Math.max(0, this.#options.clock.now() - this.#sentAtMs);
  }

  start(): void {
    this.#sendPending(1);
  }

  receive(packet: TftpPacket | undefined): void {
    if (this.#ended) return;
    if (packet?.kind === 'error') {
      this.#end({ kind: 'ended-by-client', message: packet.message, blocksTaken: this.#acknowledged });
    } else if (packet?.kind === 'acknowledgement') {
      this.#receiveAcknowledgement(packet.block);
    }
  }

  abandon(reason: string): void {
    if (!this.#ended) this.#end({ kind: 'abandoned', reason });
  }

  /**
   * Only an acknowledgement that moves the window on is answered. Duplicates and late ones are not, whatever their
   * number: answering them is the Sorcerer's Apprentice (RFC 1123 §4.2.3.1). One from the middle of a window means the
   * rest was lost (RFC 7440 §4), and the window starts anew behind it; but clients also send it for a doubled block, so
   * until what was under way then is acknowledged, further ones bring new blocks only, and silence brings the old ones.
   */
  #receiveAcknowledgement(block: number): void {
    let from = this.#sent + 1;
    if (this.#optionsPending) {
      if (block !== 0) return;
      this.#optionsPending = false;
    } else {
      const advance = (block - (this.#acknowledged % BLOCK_NUMBERS) + BLOCK_NUMBERS) % BLOCK_NUMBERS;
      if (advance === 0 || advance > this.#sent - this.#acknowledged) return;
      this.#acknowledged += advance;
      if (this.#acknowledged < this.#sent && this.#acknowledged > this.#recovering) {
        this.#recovering = this.#sent;
        from = this.#acknowledged + 1;
      }
    }
    this.#patience.answered(this.#ambiguous ? undefined : this.#options.clock.now() - this.#sentAtMs);
    this.#ambiguous = false;
    if (this.#acknowledged === this.#totalBlocks) this.#end({ kind: 'complete' });
    else this.#sendPending(from);
  }

  #sendPending(from: number): void {
    if (this.#optionsPending) this.#options.send([encodeTftp({ kind: 'options', options: this.#options.terms.acknowledged })]);
    else this.#sendWindow(from);
    this.#sentAtMs = this.#options.clock.now();
    this.#awaitAnswer();
  }

  /** From a block to the end of the window. */
  #sendWindow(first: number): void {
    const { content, terms } = this.#options;
    const last = Math.min(this.#acknowledged + terms.windowSize, this.#totalBlocks);
    for (let block = first; block <= last; block += 1) {
      const header = Buffer.allocUnsafe(DATA_HEADER_LENGTH);
      writeDataHeader(header, block % BLOCK_NUMBERS);
      this.#options.send([header, content.subarray((block - 1) * terms.blockSize, block * terms.blockSize)]);
    }
    this.resent += Math.max(0, Math.min(this.#sent, last) + 1 - first);
    this.#sent = Math.max(this.#sent, last);
  }

  /** A timer a block would cost as much as the block: one runs, and looks when it ends whether the deadline has moved. */
  #awaitAnswer(): void {
    const wait = this.#patience.waitMs;
    if (wait === undefined) {
      this.#end({ kind: 'abandoned', reason: `the client went silent at block ${this.#acknowledged} of ${this.#totalBlocks}` });
      return;
    }
    this.#deadlineMs = this.#options.clock.now() + wait;
    if (this.#timer && this.#timer.atMs <= this.#deadlineMs) return;
    this.#timer?.cancel();
    this.#setTimer(wait);
  }

  #setTimer(delayMs: number): void {
    const { clock } = this.#options;
    const cancel = clock.after(delayMs, () => {
      this.#timer = undefined;
      const now = clock.now();
      // A clock that was set back must not stretch the wait.
      if (now < this.#deadlineMs && now >= this.#sentAtMs) this.#setTimer(this.#deadlineMs - now);
      else this.#fallSilent();
    });
    this.#timer = { atMs: clock.now() + delayMs, cancel };
  }

  #fallSilent(): void {
    this.#patience.silent();
    if (this.#patience.waitMs === undefined) {
      this.#awaitAnswer();
      return;
    }
    this.#ambiguous = true;
    if (this.#optionsPending) this.resent += 1;
    this.#sendPending(this.#acknowledged + 1);
  }

  #end(end: TransferEnd): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#options.onEnd(end);
  }
}
