/**
 * Processor time of a daemon with all that it starts, those of its children that have ended included: in a control group
 * of its own (cgroups(7), version 1 or 2). proc(5) doesn't do: tftpd-hpa makes a process for each transfer and never waits for it.
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';

export interface ProcessorTime {
  /** Put before a command, it is counted. */
  readonly prefix: readonly string[];
  /** So far, with the kernel's on its behalf. */
  seconds(): number;
  /** True when that was possible: as long as something of it runs, it isn't. */
  close(): boolean;
}

const VERSION_1 = '/sys/fs/cgroup/cpuacct';
const VERSION_2 = '/sys/fs/cgroup';

/** `name` is one that no other has. Undefined where control groups can't be made. */
export function openProcessorTime(name: string): ProcessorTime | undefined {
  const isFirst = existsSync(VERSION_1);
  const folder = path.join(isFirst ? VERSION_1 : VERSION_2, name);
  try {
    mkdirSync(folder);
  } catch {
    return undefined;
  }
  return {
    prefix: ['sh', '-c', 'echo $$ > "$0" && exec "$@"', path.join(folder, 'cgroup.procs')],
    seconds: () => {
      if (isFirst) return Number(readFileSync(path.join(folder, 'cpuacct.usage'), 'utf8')) / 1e9;
      return Number(/^usage_usec (\d+)/m.exec(readFileSync(path.join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1e6;
    },
    close: () => {
      try {
        rmdirSync(folder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      }
      return !existsSync(folder);
    },
  };
}
