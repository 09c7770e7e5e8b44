/** Boots a pool in given surroundings and shows how it goes: what `pxen boot` and `pxen lab` have in common. */

import { realParts } from '../pool/parts';
import { type OpenEnvironment, PoolService } from '../pool/service';
import type { PoolTarget } from '../../protocol';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';
import { snapshotText } from './poolText';
import { openPoolView } from './poolView';

export interface BootPoolOptions {
  readonly drive: string;
  readonly target: PoolTarget;
  /** Goes on serving, and bringing back what is lost, until interrupted or shut down. */
  readonly stay: boolean;
  readonly despiteOtherDhcp?: boolean;
  /** One event a line on standard output. */
  readonly json: boolean;
}

/**
 * Exits 0 when the pool is up, 3 when only partly, 2 when it couldn't begin (an invalid drive, no image, a port in use, another
 * backend at work). Hosts and VMs are left running, except where the environment ends them with itself.
 */
export async function bootPool(openEnvironment: OpenEnvironment, options: BootPoolOptions, io: VerbIo): Promise<number> {
  const view = openPoolView(options, io);
  const isLab = options.target !== 'machines';
  const stop = new AbortController();
  const signal = AbortSignal.any([io.signal, stop.signal]);
  const service = new PoolService({
    openEnvironment,
    parts: realParts,
    log: (level, sentence) => view.onEvent({ event: 'log', at: new Date(realParts.clock.now()).toISOString(), level, sentence }),
    onEvent: view.onEvent,
    onStop: () => stop.abort(new Error('asked to stop')),
  });
  try {
    const { exitCode, snapshot } = await service.boot(options, signal);
    view.close();
    if (!options.json) io.out(snapshotText(snapshot));
    if (options.stay) {
      if (!options.json) io.err(`Serving until interrupted${isLab ? '' : ' (Ctrl+C leaves hosts and VMs running)'}; \`pxen down\` shuts the pool down.\n`);
      await Promise.race([aborted(signal), service.ended(options.drive)]);
    }
    return exitCode;
  } catch (error) {
    view.close();
    if (signal.aborted) {
      io.err(isLab ? 'Interrupted.\n' : 'Interrupted: hosts and VMs stay as they are, and the next boot takes it from there.\n');
      return EXIT.partly;
    }
    if (!isExpected(error)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  } finally {
    await service.close();
    view.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
