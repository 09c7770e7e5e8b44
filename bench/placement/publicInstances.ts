/**
 * The folder with public instances. They aren't ours to hand on, so the bench does without them and says so. `PXEN_INSTANCES` names the folder,
 * else it is `~/.cache/pxen/instances`; in it:
 *
 * - `roadef/`: `model_*.txt` and `assignment_*.txt` of the folder `data/A` of https://github.com/wjaskowski/roadef-challange-2012-public
 * - `vectorpack/`: `data/*_instances.tar.gz`, unpacked, and `results_data/*_summary_known.csv` of
 *   https://github.com/Vectorpack/experiments_vector_paper
 */

import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Undefined, having said what is missing, when the folder isn't there. */
export function instancesOf(set: 'roadef' | 'vectorpack'): string | undefined {
  const folder = join(process.env['PXEN_INSTANCES'] ?? join(homedir(), '.cache', 'pxen', 'instances'), set);
  if (existsSync(folder)) return folder;
  console.log(`The public instances are absent: there is no folder ${folder}. bench/placement/publicInstances.ts says where to get them.`);
  return undefined;
}

/** Files below the folder with this ending, in order. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => join(folder, file));
}
