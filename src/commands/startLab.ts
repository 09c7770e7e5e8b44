import { boot } from './boot';
import type { Command } from './context';

/** The same as Boot Pool, with simulated hosts: no hardware, no root, nothing on the drive but `state/lab`. */
export const startLab: Command = (context, node) => boot(context, { target: 'simulated', title: (pool) => `Starting ${pool} in the lab` }, node);
