/** What the system had to fetch from drives, so that what it still had in its memory can be told apart. */

import { access, statfs } from 'node:fs/promises';

export interface Inputs {
  /** By this process so far, all its threads and what their own memory needed included (getrusage(2), ru_inblock). */
  count(): number;
  /** Whether reading this file is counted. */
  areCounted(file: string): Promise<boolean>;
}

/**
 * Those that read from a block device in the name of whoever reads the file, where Linux counts it, and the one that never reads
 * (statfs(2), f_type). Not those of a network or of a program (FUSE).
 */
const COUNTED_FILE_SYSTEMS: Readonly<Record<string, number>> = {
  ext4: 0xef53,
  xfs: 0x58465342,
  f2fs: 0xf2f52010,
  vfat: 0x4d44,
  exfat: 0x2011bab0,
  iso9660: 0x9660,
  squashfs: 0x73717368,
  tmpfs: 0x01021994,
};

/** There where the kernel counts (proc_pid_io(5)). */
const COUNTS = '/proc/self/io';

export const systemInputs: Inputs = {
  count: () => process.resourceUsage().fsRead,
  areCounted: async (file) => {
    if (process.platform !== 'linux') return false;
    try {
      const [{ type }] = await Promise.all([statfs(file), access(COUNTS)]);
      return Object.values(COUNTED_FILE_SYSTEMS).includes(type);
    } catch {
      return false;
    }
  },
};
