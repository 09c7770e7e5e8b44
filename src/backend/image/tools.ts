/** Tools of the machine that verbs rest on, and the Debian packages that bring them. */

import { access, constants } from 'node:fs/promises';
import path from 'node:path';

export interface Tool {
  /** A command, or the absolute path of a file. */
  readonly name: string;
  readonly debianPackage: string;
}

export type VerbWithTools = 'image build' | 'lab --qemu';

const tool = (name: string, debianPackage: string): Tool => ({ name, debianPackage });

/** Verbs that are not here need nothing but Node.js. */
const TOOLS: Readonly<Record<VerbWithTools, readonly Tool[]>> = {
  'image build': [
    tool('mmdebstrap', 'mmdebstrap'),
    tool('sqfstar', 'squashfs-tools'),
    tool('strip', 'binutils'),
    tool('tar', 'tar'),
    tool('unshare', 'util-linux'),
    tool('/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'),
  ],
  'lab --qemu': [
    tool('qemu-system-x86_64', 'qemu-system-x86'),
    tool('/usr/share/OVMF/OVMF_CODE_4M.fd', 'ovmf'),
    tool('/usr/lib/ipxe/qemu/efi-virtio.rom', 'ipxe-qemu'),
    tool('ip', 'iproute2'),
    tool('unshare', 'util-linux'),
    tool('mke2fs', 'e2fsprogs'),
    tool('unsquashfs', 'squashfs-tools'),
    tool('setpriv', 'util-linux'),
  ],
};

/** Only a user other than root needs these: they map a range of user ids into a namespace. */
const ROOTLESS: Readonly<Record<VerbWithTools, readonly Tool[]>> = {
  'image build': [tool('newuidmap', 'uidmap')],
  'lab --qemu': [],
};

export const VERBS_WITH_TOOLS = Object.keys(TOOLS) as readonly VerbWithTools[];

/** The verb's tools that this machine lacks. */
export async function missingTools(verb: VerbWithTools): Promise<readonly Tool[]> {
  const needed = process.getuid?.() === 0 ? TOOLS[verb] : [...TOOLS[verb], ...ROOTLESS[verb]];
  const found = await Promise.all(needed.map((each) => isThere(each.name)));
  return needed.filter((_, index) => !found[index]);
}

/** The one command that installs them on Debian. */
export function installCommand(missing: readonly Tool[]): string {
  const packages = [...new Set(missing.map((each) => each.debianPackage))].sort();
  return `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Debian keeps some of these outside a user's PATH. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

async function isThere(name: string): Promise<boolean> {
  if (path.isAbsolute(name)) return canAccess(name, constants.R_OK);
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...SYSTEM_FOLDERS];
  for (const folder of folders) {
    if (await canAccess(path.join(folder, name), constants.X_OK)) return true;
  }
  return false;
}

function canAccess(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}
