/** `pxen boot`: turns every machine of the drive on and brings its pool up. */

import { wayToRoot } from '../netboot/portHelper/wayToRoot';
import { openMachines } from '../pool/machines';
import { realParts } from '../pool/parts';
import { bootPool } from './bootPool';
import type { VerbIo } from './io';

export interface BootOptions {
  readonly drive: string;
  readonly stay: boolean;
  /** Serve addresses although another DHCP server answers on the network. */
  readonly despiteOtherDhcp: boolean;
  readonly json: boolean;
}

export function runBoot(options: BootOptions, io: VerbIo): Promise<number> {
  return bootPool((_target, root, model) => openMachines(root, model, realParts.interfaces(), io.interactive ? wayToRoot('sudo') : undefined), { ...options, target: 'machines' }, io);
}
