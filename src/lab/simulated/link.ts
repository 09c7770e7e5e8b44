/** What the lab's process and the backend say to each other: JSON-RPC over a unix socket. */

import { RequestType } from 'vscode-jsonrpc/node';
import type { NetbootPorts } from '../../backend/netboot/endpoints';
import type { Rack } from './hardware';
import type { MachineView } from './machine';
import type { RackAddresses } from './rack';

/** Puts the machines into the rack; only for a lab that has none yet. */
export const BUILD = new RequestType<Rack, RackAddresses, void>('lab/build');
/** Where the machines of a lab that runs already can be reached; null when it has none. */
export const ADDRESSES = new RequestType<Record<string, never>, RackAddresses | null, void>('lab/addresses');
/** The boot server listens at these ports. */
export const SERVING = new RequestType<NetbootPorts, null, void>('lab/serving');
export const VIEW = new RequestType<Record<string, never>, readonly MachineView[], void>('lab/view');
/** Pulls the plug of one machine. */
export const CUT_POWER = new RequestType<{ readonly machine: string }, null, void>('lab/cutPower');
/** Switches everything off and ends the process. */
export const END = new RequestType<Record<string, never>, null, void>('lab/end');
