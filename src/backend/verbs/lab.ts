/** `pxen lab`: the same boot as `pxen boot`, against machines that are made up for it. */

import { parseFaults } from '../../lab/simulated/faults';
import { startSimulatedLab } from '../../lab/simulated/environment';
import { PoolError } from '../pool/errors';
import { bootPool } from './bootPool';
import { EXIT, type VerbIo } from './io';

export interface LabOptions {
  readonly drive: string;
  readonly stay: boolean;
  readonly json: boolean;
  /** `HOST=FAULT`; simulated machines only. */
  readonly faults: readonly string[];
  /** Socket of simulated machines that were kept. */
  readonly attach?: string;
  /** Simulated machines stay when this ends. */
  readonly keep: boolean;
  /** QEMU machines that run the real image, instead of simulated ones. */
  readonly qemu: boolean;
}

export async function runLab(options: LabOptions, io: VerbIo): Promise<number> {
  const { faults: words, attach, keep } = options;
  if (options.qemu) {
    if (words.length > 0 || attach !== undefined || keep) {
      io.err('--fault, --keep and --attach are for simulated machines; QEMU machines end with the lab.\n');
      return EXIT.usage;
    }
    const { runQemuLab } = await import('./lab-qemu');
    return runQemuLab(options, io);
  }
  if (attach !== undefined && words.length > 0) {
    io.err('--fault is for new machines, and --attach is for those that run already: use one of them.\n');
    return EXIT.usage;
  }
  const exitCode = await bootPool(
    async (_target, root, model) => {
      const { faults, problems } = parseFaults(words, model);
      if (problems.length > 0) throw new PoolError(problems.join('\n'), '\nNothing was started.');
      const lab = await startSimulatedLab({ model, root, faults, keep, ...(attach === undefined ? {} : { attach }) });
      if (keep) io.err(`The machines stay. To find them again: pxen lab --keep --attach ${lab.client.socket}\nTo end them: the same without --keep, then pxen down. Left alone, they end after an hour.\n`);
      return lab;
    },
    { ...options, target: 'simulated' },
    io,
  );
  if (exitCode !== EXIT.usage && !keep && !options.stay && !options.json) io.err('The simulated machines have ended with this command; --stay keeps them.\n');
  return exitCode;
}
