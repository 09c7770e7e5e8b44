/**
 * Running dom0's commands. A command is a list of words, never a line of shell: no pipes, no redirections, no globs.
 * That leaves one place to quote, and makes what PXEN needs of dom0 a short list of coreutils, util-linux, mdadm and xl.
 */

import { HostError } from './errors';

export type Command = readonly [program: string, ...words: string[]];

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecuteOptions {
  /** Fed to the command's standard input, which is then closed. */
  readonly stdin?: string | AsyncIterable<Buffer>;
  /** How long the command may go without a byte in either direction; default `DEFAULT_SILENCE_MS`. */
  readonly silenceMs?: number;
}

export interface Dom0Shell {
  /** The host's name, for messages. */
  readonly host: string;
  /** Resolves with the command's end, whatever its exit code; rejects with a HostError when there is no end to tell of. */
  execute(command: Command, signal: AbortSignal, options?: ExecuteOptions): Promise<CommandResult>;
}

/** Commands that only look at the host answer within this, also in an emulated dom0 on a loaded machine. */
export const DEFAULT_SILENCE_MS = 60_000;

/** Commands that wait for disks: assembling, replaying a journal, reading a golden image back. */
export const DISK_SILENCE_MS = 15 * 60_000;

export interface Step extends ExecuteOptions {
  readonly command: Command;
  /** What is being done, to follow "could not". */
  readonly tried: string;
  readonly remedy: string;
}

/** Runs a step that has to succeed and resolves with what it printed. */
export async function must(shell: Dom0Shell, step: Step, signal: AbortSignal): Promise<string> {
  const result = await shell.execute(step.command, signal, step);
  if (result.code !== 0) throw commandFailed(shell, step, result);
  return result.stdout;
}

/** The error for a command that ended with a code its caller can't use. */
export function commandFailed(shell: Dom0Shell, step: Step, result: CommandResult): HostError {
  const words = result.stderr.trim() === '' ? result.stdout : result.stderr;
  const said = result.code === 127 ? `the image has no ${step.command[0]}` : `${step.command[0]} ended with ${result.code}: ${words.trim() === '' ? 'no message' : words.trim()}`;
  return new HostError({
    kind: 'command',
    host: shell.host,
    tried: step.tried,
    said,
    remedy: result.code === 127 ? 'Boot an image made by this version: pxen image build.' : step.remedy,
  });
}

/** The line a POSIX shell reads as exactly these words. */
export function quote(command: readonly string[]): string {
  return command.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
