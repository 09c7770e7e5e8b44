import { boot } from './boot';
import type { Command } from './context';

/** Wakes and boots the drive's real machines, and starts its VMs. */
export const bootPool: Command = (context, node) => boot(context, { target: 'machines', title: (pool) => `Booting ${pool}` }, node);
