/** `pxen status`: how the pool is, from a backend that works on it, else by asking the hosts. Changes nothing. */

import { PoolError } from '../pool/errors';
import { openMachines } from '../pool/machines';
import { realParts } from '../pool/parts';
import { PoolService } from '../pool/service';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';
import { snapshotText } from './poolText';

export interface StatusOptions {
  readonly drive: string;
  readonly json: boolean;
}

/** With `--json` one PoolSnapshot. Exits 0 when the pool is up (or down as it was left), 3 when only partly, 2 when nothing can be said. */
export async function runStatus(options: StatusOptions, io: VerbIo): Promise<number> {
  const service = quietService(io);
  try {
    const snapshot = await service.status(options.drive, io.signal);
    io.out(options.json ? `${JSON.stringify(snapshot)}\n` : snapshotText(snapshot));
    return snapshot.phase === 'partly' ? EXIT.partly : EXIT.ok;
  } catch (error) {
    if (!isExpected(error) && !io.signal.aborted) throw error;
    io.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.usage;
  } finally {
    await service.close();
  }
}

/** A service for a verb that runs no pool of its own. */
function quietService(io: VerbIo): PoolService {
  return new PoolService({
    openEnvironment: (target, root, model) => {
      if (target !== 'machines') throw new PoolError(`This verb can't open a ${target} lab.`, 'Use `pxen lab`.');
      return openMachines(root, model, realParts.interfaces());
    },
    parts: realParts,
    log: (level, sentence) => {
      if (level === 'warn' || level === 'error') io.err(`${sentence}\n`);
    },
    onEvent: () => undefined,
    onStop: () => undefined,
  });
}
