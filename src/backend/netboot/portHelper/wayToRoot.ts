/** Where the port helper can be of use: on Linux, which keeps ports below 1024 for root, when we are not root ourselves. */

import path from 'node:path';
import { type HelperCommand, helperCommand, type WayToRoot } from './command';

/** Undefined where there is nothing to ask for. The helper is a bundle beside the one that runs. */
export function wayToRoot(way: WayToRoot): HelperCommand | undefined {
  if (process.platform !== 'linux' || process.geteuid?.() === 0) return undefined;
  return helperCommand(way, { execPath: process.execPath, script: path.join(__dirname, 'port-helper.js') });
}
