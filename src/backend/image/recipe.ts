/**
 * What a boot image is made of. Everything here, and every file under `assets/`, goes into the hash that tells whether
 * an image has to be built again.
 */

import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { sha256Of } from './manifest';

export const DEFAULT_SUITE = 'trixie';
export const DEFAULT_MIRROR = 'http://deb.debian.org/debian';

export interface RecipeChoice {
  /** Debian's code name, for instance `trixie`. */
  readonly suite: string;
  /** URL of a Debian mirror. The default one also gives security updates. */
  readonly mirror: string;
  /** Seconds since the epoch that every file's date is set to at most; makes builds repeatable. */
  readonly sourceDateEpoch?: number;
}

/** Xen's packages carry its version in their names; each suite has exactly one. */
const XEN_OF_SUITE: Readonly<Record<string, string>> = { bookworm: '4.17', trixie: '4.20' };

/** Packages of a dom0 in RAM, beside Debian's essential ones. */
const PACKAGES = [
  'linux-image-amd64',
  'busybox-static', // init, and all of the initrd
  'mount',
  'udev',
  'kmod',
  'iproute2',
  'bridge-utils', // Xen's vif-bridge
  'openssh-server',
  'systemd-standalone-sysusers', // openssh-server wants a sysusers; this one comes without systemd
  'mdadm',
  'e2fsprogs',
  'xfsprogs',
  'nfs-common',
  'qemu-utils', // golden images in qcow2
  'ipxe',
  'cpio',
  'zstd',
];

/** Never unpacked: what no host of a pool needs, which is most of a Debian system's bytes. */
const EXCLUDED_PATHS = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/i18n/*',
  '/usr/share/zoneinfo/*',
  '/usr/share/bash-completion/*',
  '/usr/share/lintian/*',
  '/usr/share/perl5/debconf/*',
  '/usr/lib/x86_64-linux-gnu/gconv/*',
  // Used by xfs_scrub alone, and larger than all of Xen.
  '/usr/lib/x86_64-linux-gnu/libicu*',
  '/usr/bin/qemu-io',
  '/usr/bin/qemu-nbd',
  '/usr/lib/xen-*/boot/*',
  // PXEN makes its own initrd.
  '/etc/kernel/postinst.d/initramfs-tools',
  ...[
    'sound', 'net/bluetooth', 'net/mac80211', 'net/wireless', 'net/nfc', 'net/can', 'net/ieee802154', 'net/mac802154',
    'drivers/accel', 'drivers/accessibility', 'drivers/bluetooth', 'drivers/comedi', 'drivers/gnss', 'drivers/gpu',
    'drivers/greybus', 'drivers/iio', 'drivers/isdn', 'drivers/media', 'drivers/memstick', 'drivers/net/can',
    'drivers/net/ieee802154', 'drivers/net/wireless', 'drivers/net/wwan', 'drivers/nfc', 'drivers/soundwire', 'drivers/staging',
    'drivers/thunderbolt', 'drivers/ufs', 'drivers/video', 'drivers/w1',
  ].flatMap((folder) => [`/lib/modules/*/kernel/${folder}/*`, `/usr/lib/modules/*/kernel/${folder}/*`]),
];

/**
 * Xen's defaults: dom0's memory is fixed, so that guests are promised what is really free; the console shows on the first
 * serial port and on the screen. A host's own reserve is appended by the boot script, and the later word wins.
 */
export const XEN_ARGUMENTS = 'dom0_mem=1024M,max:1024M com1=115200,8n1 console=com1,vga';

/** Warnings, and what PXEN's scripts say, show on screen and serial line. Short: see bootWords.ts for the reason. */
export const KERNEL_ARGUMENTS = 'console=tty0 console=hvc0 loglevel=4';

export interface Recipe {
  readonly packages: readonly string[];
  readonly excludedPaths: readonly string[];
  /** One-line apt sources. */
  readonly sources: readonly string[];
  /** sha256 over all of the above, the assets and the arguments. */
  readonly inputs: string;
}

/** Works out what goes into an image. `assetsFolder` holds `customize.sh`, `initrd/` and `root/`. Throws when the suite is unknown. */
export async function readRecipe(choice: RecipeChoice, assetsFolder: string): Promise<Recipe> {
  const xen = XEN_OF_SUITE[choice.suite];
  if (xen === undefined) throw new Error(`PXEN doesn't know which Xen Debian "${choice.suite}" has. Known suites: ${Object.keys(XEN_OF_SUITE).join(', ')}.`);
  const packages = [`xen-hypervisor-${xen}-amd64`, `xen-utils-${xen}`, ...PACKAGES];
  const sources = aptSources(choice);
  const assets: Record<string, string> = {};
  for (const file of await filesBelow(assetsFolder)) {
    assets[file] = sha256Of(await readFile(path.join(assetsFolder, file)));
  }
  const inputs = sha256Of(JSON.stringify([packages, EXCLUDED_PATHS, sources, choice.sourceDateEpoch ?? null, XEN_ARGUMENTS, KERNEL_ARGUMENTS, assets]));
  return { packages, excludedPaths: EXCLUDED_PATHS, sources, inputs };
}

function aptSources({ suite, mirror }: RecipeChoice): string[] {
  const own = `deb ${mirror} ${suite} main`;
  if (mirror !== DEFAULT_MIRROR) return [own];
  return [own, `deb ${mirror} ${suite}-updates main`, `deb http://deb.debian.org/debian-security ${suite}-security main`];
}

/** Relative paths with forward slashes, sorted. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
}
