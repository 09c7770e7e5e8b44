/** What a command of a simulated dom0 is, and what several of them share. */

import type { Hardware } from '../hardware';
import type { Memory, Storage } from './state';

/** What a command can reach. */
export interface Dom0Context {
  readonly hardware: Hardware;
  readonly storage: Storage;
  readonly memory: Memory;
  readonly now: () => number;
  readonly stdin: AsyncIterable<Buffer>;
  /** Waits, in the lab's time. */
  readonly pause: (ms: number) => Promise<void>;
  /** Called when an array is about to be assembled. */
  readonly reachedArrays: () => void;
  readonly switchOff: () => void;
  readonly console: (line: string) => void;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Dom0Command = (words: readonly string[], context: Dom0Context) => Promise<Ended> | Ended;

/** Words that the real tool might know and the lab doesn't. */
export class UsageError extends Error {}

export function prints(stdout: string): Ended {
  return { code: 0, stdout, stderr: '' };
}

export function fails(code: number, sentence: string): Ended {
  return { code, stdout: '', stderr: `${sentence}\n` };
}

export interface ParsedWords {
  readonly flags: ReadonlySet<string>;
  /** Value of `--name=value` or `--name value`. */
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** Takes words apart by the options a command knows; any other is a usage error. */
export function parseWords(words: readonly string[], known: { readonly flags?: readonly string[]; readonly values?: readonly string[] }): ParsedWords {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const [name = '', joined] = word.split(/=(.*)/s);
    if (!word.startsWith('-') || word === '-') operands.push(word);
    else if (known.flags?.includes(word) === true) flags.add(word);
    else if (known.values?.includes(name) === true && joined !== undefined) values.set(name, joined);
    else if (known.values?.includes(word) === true) {
      at += 1;
      values.set(word, words[at] ?? '');
    } else throw new UsageError(`unrecognized option '${word}'`);
  }
  return { flags, values, operands };
}
