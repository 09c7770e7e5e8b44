/** `pxen boot`: turns every machine of the drive on and brings its pool up. */

import { CaptureError, openCapture } from '../netboot/capture';
import { wayToRoot } from '../netboot/portHelper/wayToRoot';
import { openMachines } from '../pool/machines';
import { realParts } from '../pool/parts';
import { bootPool } from './bootPool';
import { EXIT, type VerbIo } from './io';
import { readUpstream, type ServingOptions } from './serving';

export interface BootOptions extends ServingOptions {
  readonly drive: string;
  readonly stay: boolean;
  readonly json: boolean;
}

export async function runBoot({ capture: file, httpUpstream: upstream, tftpSinglePort, ...options }: BootOptions, io: VerbIo): Promise<number> {
  const httpUpstream = readUpstream(upstream, io);
  if (httpUpstream === 'wrong') return EXIT.usage;
  const how = { portHelper: io.interactive ? wayToRoot('sudo') : undefined, httpUpstream, tftpSinglePort };
  const boot = () => bootPool((_target, root, model) => openMachines(root, model, realParts.interfaces(), how), { ...options, target: 'machines' }, io);
  if (file === undefined) return boot();
  try {
    const capture = await openCapture({ file, clock: realParts.clock, onTrouble: (sentence) => io.err(`${sentence}.\n`) });
    try {
      return await boot();
    } finally {
      await capture.close();
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}
