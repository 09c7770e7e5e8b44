/** Busybox's DHCP client, which tells a script of ours what it got. */

import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client, Network } from './network';
import type { Result } from './processes';

/** A hook script that writes its environment to a file, for clients that configure nothing themselves here. */
export async function hook(network: Network, name: string): Promise<{ readonly script: string; readonly environment: () => Promise<Record<string, string>> }> {
  const script = path.join(network.folder, `${name}.sh`);
  const output = path.join(network.folder, `${name}.env`);
  await writeFile(script, `#!/bin/sh\necho "EVENT=\${reason:-$1}" >> ${output}\nenv >> ${output}\n`);
  await chmod(script, 0o755);
  return {
    script,
    environment: async () => Object.fromEntries((await readFile(output, 'utf8')).split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)),
  };
}

export function udhcpc(network: Network, client: Client, script: string, ...more: readonly string[]): Promise<Result> {
  return network.run(client, 'udhcpc', '-f', '-q', '-n', '-t', '4', '-T', '1', '-i', 'eth0', '-s', script, ...more);
}
