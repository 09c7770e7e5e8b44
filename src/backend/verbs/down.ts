/** `pxen down`: VMs in reverse start order, then the hosts off. */

import { openMachines } from '../pool/machines';
import { realParts } from '../pool/parts';
import { PoolService } from '../pool/service';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';
import { snapshotText } from './poolText';
import { openPoolView } from './poolView';

export interface DownOptions {
  readonly drive: string;
  /** Ends guests that don't shut down in time. */
  readonly force: boolean;
  readonly json: boolean;
}

/** Exits 0 when every host is off, 3 when some stay up, 2 when it couldn't begin. */
export async function runDown(options: DownOptions, io: VerbIo): Promise<number> {
  const view = openPoolView(options, io);
  const service = new PoolService({
    openEnvironment: (_target, root, model) => openMachines(root, model, realParts.interfaces()),
    parts: realParts,
    log: (level, sentence) => view.onEvent({ event: 'log', at: new Date(realParts.clock.now()).toISOString(), level, sentence }),
    onEvent: view.onEvent,
    onStop: () => undefined,
  });
  try {
    const { exitCode, snapshot } = await service.down(options.drive, options.force, io.signal);
    view.close();
    if (!options.json) io.out(snapshotText(snapshot));
    return exitCode;
  } catch (error) {
    view.close();
    if (!isExpected(error) && !io.signal.aborted) throw error;
    io.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.usage;
  } finally {
    await service.close();
  }
}
