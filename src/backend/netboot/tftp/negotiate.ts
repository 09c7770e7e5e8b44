/** What a read request's options come to (RFC 2347, 2348, 2349, 7440). Pure. */

import { LONGEST_FIXED_WAIT_MS } from './patience';

export interface TransferTerms {
  /** Octets of data a block. */
  readonly blockSize: number;
  /** Blocks sent before an acknowledgement is awaited. */
  readonly windowSize: number;
  /** Fixed by the client; absent: ours. */
  readonly timeoutMs?: number;
  /** What the option acknowledgement says; empty: none is sent and the first block goes out at once. */
  readonly acknowledged: ReadonlyMap<string, string>;
}

export interface TransferLimits {
  /** A block must fit the link: PXE ROMs can't put fragments together. */
  readonly largestBlock: number;
  readonly largestWindow: number;
}

const DEFAULT_BLOCK_SIZE = 512;

/**
 * The acknowledgement holds only what was asked for: sizes at most the asked value, the timeout exactly (EDK2 ends the
 * transfer otherwise). An option with a value that makes no sense is passed over, as RFC 2347 has it, and so is a timeout longer than
 * we would wait.
 */
export function negotiate(asked: ReadonlyMap<string, string>, fileSize: number, limits: TransferLimits): TransferTerms {
  const acknowledged = new Map<string, string>();
  let blockSize = DEFAULT_BLOCK_SIZE;
  let windowSize = 1;
  let timeoutMs: number | undefined;
  for (const [name, text] of asked) {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    switch (name) {
      case 'blksize':
        if (!(value >= 8 && value <= 65464)) continue;
        blockSize = Math.min(value, limits.largestBlock);
        acknowledged.set(name, String(blockSize));
        break;
      case 'windowsize':
        if (!(value >= 1 && value <= 65535)) continue;
        windowSize = Math.min(value, limits.largestWindow);
        acknowledged.set(name, String(windowSize));
        break;
      case 'timeout':
        if (!(value >= 1 && value * 1000 <= LONGEST_FIXED_WAIT_MS)) continue;
        timeoutMs = value * 1000;
        acknowledged.set(name, text);
        break;
      case 'tsize':
        acknowledged.set(name, String(fileSize));
        break;
    }
  }
  return { blockSize, windowSize, ...(timeoutMs !== undefined && { timeoutMs }), acknowledged };
}
