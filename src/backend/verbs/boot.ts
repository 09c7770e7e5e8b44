/** `pxen boot`: turns every machine of the drive on and brings its pool up. */

import { CaptureError, openCapture } from '../netboot/capture';
import { wayToRoot } from '../netboot/portHelper/wayToRoot';
import { openMachines } from '../pool/machines';
import { realParts } from '../pool/parts';
import { bootPool } from './bootPool';
import { EXIT, type VerbIo } from './io';

export interface BootOptions {
  readonly drive: string;
  readonly stay: boolean;
  /** Serve addresses although another DHCP server answers on the network. */
  readonly despiteOtherDhcp: boolean;
  /** A new file that every datagram is written to, for tcpdump and Wireshark. */
  readonly capture?: string | undefined;
  readonly json: boolean;
}

export async function runBoot({ capture: file, ...options }: BootOptions, io: VerbIo): Promise<number> {
  const boot = () => bootPool((_target, root, model) => openMachines(root, model, realParts.interfaces(), io.interactive ? wayToRoot('sudo') : undefined), { ...options, target: 'machines' }, io);
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
