/** What iPXE is told to do for a host: its script, and under UEFI the configuration file of Xen. Pure. */

import type { HostModel, PoolModel } from '../../drive/model';
import type { Manifest } from '../../image/manifest';
import { parseSubnet } from '../ipv4';
import { httpBase, type ServerFacts } from './facts';

export interface BootScriptInputs {
  readonly model: PoolModel;
  readonly host: HostModel;
  readonly mac: string;
  readonly facts: ServerFacts;
  readonly manifest: Manifest;
  /** One-time, bound to the MAC. */
  readonly token: string;
}

/** Pause before iPXE asks again, seconds: long enough for a busy server, short beside a boot. */
const RETRY_SECONDS = 5;
const RETRY_SECONDS_WITHOUT_IMAGE = 20;

/**
 * Every step that fails leads back to fetching this script again after a pause, so neither a busy nor a restarted boot
 * server ends a boot, and an edited drive is obeyed at the next try. BIOS: Multiboot of Xen. UEFI: `xen.efi`, which reads
 * the other files through iPXE by the names given here (Xen's docs/misc/efi).
 */
export function bootScript(inputs: BootScriptInputs): string {
  const { model, mac, facts, host, manifest } = inputs;
  const file = (name: string) => `--name ${name} \${base}/${name}?mac=${mac}`;
  return `#!ipxe
# ${host.name} of pool ${model.cluster.name}: image ${manifest.name}

echo PXEN: ${host.name} boots ${manifest.name} from ${facts.address}
set base ${httpBase(facts)}/images/${manifest.name}
imgfree
iseq \${platform} efi && goto uefi || goto bios

:bios
kernel ${file('xen')} ${xenArguments(inputs)} || goto again
module ${file('vmlinuz')} ${kernelArguments(inputs)} || goto again
module ${file('initrd')} || goto again
boot || goto again

:uefi
kernel ${file('xen.efi')} -cfg=${XEN_CONFIG_NAME} || goto again
initrd --name ${XEN_CONFIG_NAME} ${httpBase(facts)}${xenConfigPath(mac)}?token=${inputs.token} || goto again
initrd ${file('vmlinuz')} || goto again
initrd ${file('initrd')} || goto again
boot || goto again

${again(mac, facts, RETRY_SECONDS)}`;
}

/** A script for a host that can't be booted now: shows why on its screen, and asks again. */
export function waitScript(mac: string, facts: ServerFacts, reason: string): string {
  return `#!ipxe
echo PXEN: ${iPxeText(reason)}

${again(mac, facts, RETRY_SECONDS_WITHOUT_IMAGE)}`;
}

const XEN_CONFIG_NAME = 'xen.cfg';

export function bootScriptPath(mac: string): string {
  return `/boot/${mac}.ipxe`;
}

export function xenConfigPath(mac: string): string {
  return `/boot/${mac}.cfg`;
}

/** Xen's EFI configuration file. The token comes back in the query of its URL, so that fetching it issues none. */
export function xenConfig(inputs: BootScriptInputs): string {
  return `[global]
default=pxen

[pxen]
options=${xenArguments(inputs)}
kernel=vmlinuz ${kernelArguments(inputs)}
ramdisk=initrd
`;
}

/** Xen takes the last of repeated arguments, so the host's spec overrules the image. */
function xenArguments({ host, manifest }: BootScriptInputs): string {
  const memory = `${Math.floor(host.reserve.memoryBytes / (1 << 20))}M`;
  const cpus = Math.max(1, Math.ceil(host.reserve.cpus));
  return words(manifest.xenArguments, `dom0_mem=${memory},max:${memory} dom0_max_vcpus=${cpus}`);
}

function kernelArguments({ model, host, mac, facts, manifest, token }: BootScriptInputs): string {
  const network = model.cluster.network;
  const root = manifest.files['root.squashfs'];
  return words(
    manifest.kernelArguments,
    `pxen.server=${httpBase(facts)}`,
    `pxen.mac=${mac}`,
    `pxen.token=${token}`,
    `pxen.image=${manifest.name}`,
    `pxen.root.sha256=${root.sha256}`,
    `pxen.root.size=${root.size}`,
    `pxen.address=${host.address}/${parseSubnet(network.subnet).prefixLength}`,
    network.gateway === undefined ? undefined : `pxen.gateway=${network.gateway}`,
    network.nameservers.length === 0 ? undefined : `pxen.nameservers=${network.nameservers.join(',')}`,
    `pxen.domain=${network.domain}`,
    `pxen.host=${host.name}`,
  );
}

function again(mac: string, facts: ServerFacts, seconds: number): string {
  const url = `${httpBase(facts)}${bootScriptPath(mac)}`;
  return `:again
echo PXEN: trying again in ${seconds} seconds
sleep ${seconds}
chain --replace ${url} || goto again
`;
}

function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

/** iPXE would read `;`, `||`, `&&` and `${…}` in an echo as its own. */
function iPxeText(text: string): string {
  return text.replace(/[^A-Za-z0-9 .,:/_()'`-]+/g, ' ').trim();
}
