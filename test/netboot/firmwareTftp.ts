/**
 * The TFTP client of a PXE ROM: in lock step, or with windows (RFC 7440), and as patient as firmware is. Who makes one says
 * where its datagrams go and what time it is.
 */

import { decodeTftp, encodeTftp } from '../../src/backend/netboot/tftp/codec';
import type { Clock } from '../../src/backend/system';

export interface FirmwareTftpOptions {
  readonly file: string;
  readonly blockBytes: number;
  /** Without it, lock step. */
  readonly windowSize?: number | undefined;
  /** Seconds after which the server is to send again (RFC 2349). */
  readonly timeout?: number | undefined;
  readonly clock: Clock;
  /** To the server's port. */
  readonly ask: (request: Buffer) => void;
  /** To the port that the server's packets come from. */
  readonly acknowledge: (acknowledgement: Buffer) => void;
  readonly onLoaded: () => void;
  readonly onGivenUp: (why: string) => void;
}

/** So often is a file asked for, waiting longer each time, and an acknowledgement repeated. */
const REQUEST_WAITS_MS = [4_000, 8_000, 16_000, 32_000];
const ACKNOWLEDGEMENT_WAIT_MS = 1_000;
const ACKNOWLEDGEMENT_TRIES = 6;

export class FirmwareTftp {
  readonly parts: Buffer[] = [];
  /** Longest time without a block since the first packet. */
  longestGapMs = 0;
  readonly #options: FirmwareTftpOptions;
  readonly #request: Buffer;
  #tries = 0;
  #taken = 0;
  #sinceAcknowledgement = 0;
  #heardAtMs: number | undefined;
  #isLoaded = false;
  #cancel: () => void = () => undefined;

  constructor(options: FirmwareTftpOptions) {
    const { file, blockBytes, windowSize, timeout } = options;
    this.#options = options;
    this.#request = encodeTftp({
      kind: 'read',
      file,
      mode: 'octet',
      options: new Map(Object.entries({ blksize: blockBytes, windowsize: windowSize, timeout }).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))),
    });
  }

  /** Asks for the file, again and again until it is heard. */
  ask(): void {
    const patience = REQUEST_WAITS_MS[this.#tries];
    this.#tries += 1;
    if (patience === undefined) {
      this.#options.onGivenUp('no answer to its request');
      return;
    }
    this.#options.ask(this.#request);
    this.#wait(patience, () => this.ask());
  }

  receive(bytes: Buffer): void {
    const { clock, blockBytes, windowSize = 1, onLoaded, onGivenUp } = this.#options;
    const packet = decodeTftp(bytes);
    if (packet?.kind === 'error') {
      this.#cancel();
      onGivenUp(packet.message);
    }
    if (packet?.kind === 'options' && this.#taken === 0) {
      this.#heardAtMs = clock.now();
      this.#acknowledge();
    }
    if (packet?.kind !== 'data' || this.#heardAtMs === undefined) return;
    if (packet.block !== ((this.#taken + 1) & 0xffff)) {
      if (packet.block === (this.#taken & 0xffff) || this.#sinceAcknowledgement > 0) this.#acknowledge();
      return;
    }
    const now = clock.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#heardAtMs);
    this.#heardAtMs = now;
    this.parts.push(packet.data);
    this.#taken += 1;
    this.#sinceAcknowledgement += 1;
    this.#isLoaded = packet.data.length < blockBytes;
    if (this.#isLoaded || this.#sinceAcknowledgement === windowSize) this.#acknowledge();
    if (this.#isLoaded) onLoaded();
  }

  #acknowledge(again = 0): void {
    this.#sinceAcknowledgement = 0;
    this.#cancel();
    this.#options.acknowledge(encodeTftp({ kind: 'acknowledgement', block: this.#taken & 0xffff }));
    if (this.#isLoaded) return;
    if (again === ACKNOWLEDGEMENT_TRIES) this.#options.onGivenUp(`silence at block ${this.#taken}`);
    else this.#wait(ACKNOWLEDGEMENT_WAIT_MS, () => this.#acknowledge(again + 1));
  }

  #wait(delayMs: number, again: () => void): void {
    this.#cancel();
    this.#cancel = this.#options.clock.after(delayMs, again);
  }
}
