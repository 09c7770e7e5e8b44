/** The files of /sys that PXEN reads. */

import type { Memory } from './state';

/** Undefined when there is no such file. */
export function readSysfs(path: string, memory: Memory): string | undefined {
  const found = /^\/sys\/block\/([^/]+)\/md\/([^/]+)$/.exec(path);
  const array = memory.arrays.find(({ name }) => name === found?.[1]);
  if (found === null || array === undefined) return undefined;
  switch (found[2]) {
    case 'array_state':
      return `${!array.active ? 'inactive' : array.writable ? 'clean' : 'readonly'}\n`;
    case 'degraded':
      return array.stored.hardware.level === 'raid0' ? undefined : `${array.stored.hardware.members.length - array.members.length}\n`;
    default:
      return undefined;
  }
}
