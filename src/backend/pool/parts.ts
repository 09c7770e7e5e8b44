/** The parts a pool is run with. The product's own; tests bring theirs. */

import { connectHost } from '../hosts/connect';
import { startBootServer } from '../netboot/bootServer';
import { machineInterfaces, type Interfaces } from '../netboot/machineInterfaces';
import { planPlacement } from '../placement/plan';
import { wakeHost } from '../power/wake';
import { systemClock, systemRandom, type Clock, type Random } from '../system';
import type { PoolRunOptions } from './run';

export interface PoolParts extends Pick<PoolRunOptions, 'startBootServer' | 'wakeHost' | 'connectHost' | 'planPlacement'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly interfaces: () => Interfaces;
}

export const realParts: PoolParts = {
  startBootServer,
  wakeHost,
  connectHost,
  planPlacement,
  clock: systemClock,
  random: systemRandom,
  interfaces: () => machineInterfaces(),
};
