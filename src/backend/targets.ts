/** How each target's machines are reached. Labs are loaded when asked for. */

import type { HelperCommand } from './netboot/portHelper/command';
import { PoolError } from './pool/errors';
import { openMachines } from './pool/machines';
import { realParts } from './pool/parts';
import type { OpenEnvironment } from './pool/service';

/** `portHelper` is asked for ports that are kept for root. */
export const targetOpener = (portHelper?: HelperCommand): OpenEnvironment => async (target, root, model) => {
  switch (target) {
    case 'machines':
      return openMachines(root, model, realParts.interfaces(), { portHelper });
    case 'simulated': {
      const { startSimulatedLab } = await import('../lab/simulated/environment');
      return startSimulatedLab({ model, root, faults: {}, keep: false });
    }
    case 'qemu':
      throw new PoolError('A QEMU lab lives in a network namespace of its own, which a backend that runs already can\'t enter.', 'Run `pxen lab --qemu` in a terminal.');
  }
};
