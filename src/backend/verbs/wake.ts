/** `pxen wake [DRIVE] [HOST…]`: magic packets to the named hosts, or to all of them. */

import path from 'node:path';
import { stat } from 'node:fs/promises';
import type { ClusterModel, HostModel } from '../drive/model';
import { isLinkUp } from '../netboot/machineInterfaces';
import { PoolError } from '../pool/errors';
import { interfaceOf } from '../pool/machines';
import { type PoolParts, realParts } from '../pool/parts';
import { loadSoundDrive } from '../pool/soundDrive';
import { WakeError, wakeTargets } from '../power/wake';
import { wakeInWaves } from '../power/waves';
import type { Log } from '../system';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';

export interface WakeOptions {
  /** DRIVE, then hosts; when the first word is no folder it is a host, and the drive is the current folder. */
  readonly words: readonly string[];
  readonly json: boolean;
}

/**
 * In waves, as `boot` in pxen.yaml says; more than one are told as they begin. With `--json` one document
 * `{"woken":["…"],"failed":[{"host","reason"}]}`. Exits 0, 3 when some host wasn't woken, 2 when none could be.
 */
export async function runWake({ words, json }: WakeOptions, io: VerbIo, parts: WakeParts = { ...realParts, isLinkUp }): Promise<number> {
  try {
    const { drive, names } = await driveAndNames(words);
    const root = path.resolve(drive);
    const { model } = await loadSoundDrive(root);
    const unknown = names.filter((name) => !model.hosts.some((host) => host.name === name));
    if (unknown.length > 0) {
      io.err(`${unknown.join(', ')}: no such host on the drive. It has ${model.hosts.map(({ name }) => name).join(', ')}.\n`);
      return EXIT.usage;
    }
    const name = interfaceOf(model.cluster.network, parts.interfaces());
    if (!(await parts.isLinkUp(name))) throw new PoolError(`The link of ${name} is down, so no magic packet can leave.`, 'Is its cable plugged in, and the switch on?');
    const chosen = model.hosts.filter(({ name }) => names.length === 0 || names.includes(name));
    const endings = await wake(model.cluster, chosen, io, parts);
    const failures = endings.flatMap((ending, index) => failureOf(chosen[index]?.name ?? '', ending, io.signal));
    const woken = chosen.map(({ name }) => name).filter((name) => !failures.some(({ host }) => host === name));
    if (json) io.out(`${JSON.stringify({ woken, failed: failures })}\n`);
    for (const { reason } of failures) io.err(`${reason}\n`);
    if (!json && woken.length > 0) io.out(`Magic packets sent to ${woken.join(', ')}.\n`);
    if (failures.length === 0) return EXIT.ok;
    return woken.length === 0 ? EXIT.usage : EXIT.partly;
  } catch (error) {
    if (!isExpected(error)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}

interface WakeParts extends Pick<PoolParts, 'wakeHost' | 'interfaces' | 'clock'> {
  readonly isLinkUp: (name: string) => Promise<boolean>;
}

function wake({ network, boot }: ClusterModel, hosts: readonly HostModel[], { err, signal }: VerbIo, { wakeHost, clock }: WakeParts): Promise<readonly PromiseSettledResult<void>[]> {
  const log: Log = (_, sentence) => err(`${sentence}\n`);
  return wakeInWaves({
    hosts,
    waves: boot,
    wake: (host) => wakeHost({ host, from: network.server, to: wakeTargets(host, network), clock, log, signal }),
    onWave: (wave, number, of) => {
      const next = number < of ? ` The next one follows in ${boot.wakePauseMs / 1000} s.` : '';
      if (of > 1) err(`Wave ${number} of ${of}: ${wave.map(({ name }) => name).join(', ')}.${next}\n`);
    },
    clock,
    signal,
  });
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

function failureOf(host: string, ending: PromiseSettledResult<void>, signal: AbortSignal): readonly { readonly host: string; readonly reason: string }[] {
  if (ending.status === 'fulfilled') return [];
  if (ending.reason instanceof WakeError) return [{ host, reason: ending.reason.message }];
  if (signal.aborted) return [{ host, reason: `${host} wasn't woken: interrupted before its magic packets had left.` }];
  throw ending.reason;
}
