/** `pxen wake [DRIVE] [HOST…]`: magic packets to the named hosts, or to all of them. */

import path from 'node:path';
import { stat } from 'node:fs/promises';
import type { HostModel } from '../drive/model';
import { interfaceOf } from '../pool/machines';
import { realParts } from '../pool/parts';
import { loadSoundDrive } from '../pool/soundDrive';
import { WakeError, wakeTargets } from '../power/wake';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';

export interface WakeOptions {
  /** DRIVE, then hosts; when the first word is no folder it is a host, and the drive is the current folder. */
  readonly words: readonly string[];
  readonly json: boolean;
}

/** With `--json` one document `{"woken":["…"],"failed":[{"host","reason"}]}`. Exits 0, 3 when some host wasn't woken, 2 when none could be. */
export async function runWake({ words, json }: WakeOptions, io: VerbIo): Promise<number> {
  try {
    const { drive, names } = await driveAndNames(words);
    const root = path.resolve(drive);
    const { model } = await loadSoundDrive(root);
    const unknown = names.filter((name) => !model.hosts.some((host) => host.name === name));
    if (unknown.length > 0) {
      io.err(`${unknown.join(', ')}: no such host on the drive. It has ${model.hosts.map(({ name }) => name).join(', ')}.\n`);
      return EXIT.usage;
    }
    const { network } = model.cluster;
    interfaceOf(network, realParts.interfaces());
    const chosen = model.hosts.filter(({ name }) => names.length === 0 || names.includes(name));
    const wake = (host: HostModel) => realParts.wakeHost({ host, from: network.server, to: wakeTargets(host, network), clock: realParts.clock, signal: io.signal });
    const failures = (await Promise.all(chosen.map((host) => failureOf(host.name, wake(host))))).filter((failure) => failure !== undefined);
    const woken = chosen.map(({ name }) => name).filter((name) => !failures.some(({ host }) => host === name));
    if (json) io.out(`${JSON.stringify({ woken, failed: failures })}\n`);
    for (const { reason } of failures) io.err(`${reason}\n`);
    if (!json && woken.length > 0) io.out(`Magic packets sent to ${woken.join(', ')}.\n`);
    return failures.length === 0 ? EXIT.ok : EXIT.partly;
  } catch (error) {
    if (!isExpected(error)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}

async function driveAndNames([first, ...rest]: readonly string[]): Promise<{ readonly drive: string; readonly names: readonly string[] }> {
  if (first === undefined) return { drive: '.', names: [] };
  // Names of hosts hold no slash (RFC 1123 §2.1); a path that isn't there, or no folder, is told as one.
  return /[\\/]/.test(first) || (await exists(first)) ? { drive: first, names: rest } : { drive: '.', names: [first, ...rest] };
}

async function exists(name: string): Promise<boolean> {
  return stat(name).then(
    () => true,
    () => false,
  );
}

async function failureOf(host: string, waking: Promise<void>): Promise<{ readonly host: string; readonly reason: string } | undefined> {
  try {
    await waking;
    return undefined;
  } catch (error) {
    if (!(error instanceof WakeError)) throw error;
    return { host, reason: error.message };
  }
}
