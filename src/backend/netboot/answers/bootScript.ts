/** What iPXE is told to do for a host: its script, and under UEFI the configuration file of Xen. Pure. */

import type { HostModel, PoolModel } from '../../drive/model';
import type { BootWords } from '../../image/bootWords';
import type { Manifest } from '../../image/manifest';
import { parseSubnet } from '../ipv4';
import { httpBase, type ServerFacts } from './facts';

export interface BootScriptInputs {
  readonly model: PoolModel;
  readonly host: HostModel;
  readonly mac: string;
  readonly facts: ServerFacts;
  readonly manifest: Manifest;
  /** One-time, bound to the MAC. It comes back in the URL of the initrd, so that fetching that issues none. */
  readonly token: string;
  /** Appended to what image and host ask for; the lab's way of sparing a slow machine. */
  readonly extra?: ExtraArguments;
}

export interface ExtraArguments {
  readonly xen: string;
  readonly kernel: string;
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
  const file = (name: string) => `--name ${name} ${imageUrl(inputs, name)}`;
  const initrd = `--name initrd ${initrdUrl(inputs)}`;
  return `#!ipxe
# ${host.name} of pool ${model.cluster.name}: image ${manifest.name}

echo PXEN: ${host.name} boots ${manifest.name} from ${facts.address}
imgfree
iseq \${platform} efi && goto uefi || goto bios

:bios
${multibootCommands(inputs)}
boot || goto again

:uefi
kernel ${file('xen.efi')} -cfg=${XEN_CONFIG_NAME} || goto again
initrd --name ${XEN_CONFIG_NAME} ${httpBase(facts)}${xenConfigPath(mac)} || goto again
initrd ${file('vmlinuz')} || goto again
initrd ${initrd} || goto again
boot || goto again

${again(mac, facts, RETRY_SECONDS)}`;
}

/**
 * The script as whoever sees it who isn't the host by its address: a person reads all but the token in it. A machine asks DHCP
 * again before anything else, and this script after it: where the drive was edited while the host booted, it has the former address
 * still, and would go on with none that counts.
 */
export function scriptForOther(inputs: Omit<BootScriptInputs, 'token'>, from: string): string {
  const { host, mac, facts } = inputs;
  const script = bootScript({ ...inputs, token: `shown-to-${host.address}-only` });
  return `#!ipxe
# Asked for from ${from}, and ${host.name} has the address ${host.address}: shown without the token

:readdress
echo PXEN: asked from ${from}, but ${host.name} has the address ${host.address}: asking DHCP again in ${RETRY_SECONDS} seconds
sleep ${RETRY_SECONDS}
ifclose
dhcp && chain --replace ${httpBase(facts)}${bootScriptPath(mac)} || goto readdress

${script.replace('#!ipxe\n', '')}`;
}

/**
 * iPXE hands Xen the command lines in a buffer of 512 bytes for all of them, each beginning with its file's URL, and cuts
 * off silently what is over (iPXE's src/arch/x86/image/multiboot.c). What is over is told instead.
 */
const MULTIBOOT_COMMAND_LINES_BYTES = 512;

function multibootCommands(inputs: BootScriptInputs): string {
  const lines = [
    [imageUrl(inputs, 'xen'), xenArguments(inputs)],
    [imageUrl(inputs, 'vmlinuz'), kernelArguments(inputs)],
    [initrdUrl(inputs), ''],
  ].map((line) => words(...line));
  const excess = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0) - MULTIBOOT_COMMAND_LINES_BYTES;
  if (excess > 0) {
    return `echo PXEN: the command lines of Xen and Linux are ${excess} bytes too long for a BIOS machine: shorten the name or arguments of image ${inputs.manifest.name}\ngoto again`;
  }
  return lines.map((line, index) => `${index === 0 ? 'kernel' : 'module'} --name ${MULTIBOOT_FILES[index] ?? ''} ${line} || goto again`).join('\n');
}

const MULTIBOOT_FILES = ['xen', 'vmlinuz', 'initrd'];

/** The MAC tells the server who downloads; with dashes, for iPXE writes a colon in a query as three bytes. */
function imageUrl({ facts, manifest, mac }: BootScriptInputs, file: string): string {
  return `${httpBase(facts)}/images/${manifest.name}/${file}?mac=${mac.replaceAll(':', '-')}`;
}

function initrdUrl({ facts, mac, token }: BootScriptInputs): string {
  return `${httpBase(facts)}${hostInitrdPath(mac)}?token=${token}`;
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

/** The image's initrd, preceded by this host's boot words. */
export function hostInitrdPath(mac: string): string {
  return `/boot/${mac.replaceAll(':', '-')}.initrd`;
}

/** Xen's EFI configuration file. */
export function xenConfig(inputs: Omit<BootScriptInputs, 'token'>): string {
  return `[global]
default=pxen

[pxen]
options=${xenArguments(inputs)}
kernel=vmlinuz ${kernelArguments(inputs)}
ramdisk=initrd
`;
}

/** What the image's scripts are told about this host and this boot. */
export function bootWords({ model, host, mac, facts, manifest, token }: BootScriptInputs): BootWords {
  const network = model.cluster.network;
  const root = manifest.files['root.squashfs'];
  return {
    'pxen.server': httpBase(facts),
    'pxen.mac': mac,
    'pxen.token': token,
    'pxen.image': manifest.name,
    'pxen.root.sha256': root.sha256,
    'pxen.root.size': String(root.size),
    'pxen.address': `${host.address}/${parseSubnet(network.subnet).prefixLength}`,
    ...(network.gateway !== undefined && { 'pxen.gateway': network.gateway }),
    ...(network.nameservers.length > 0 && { 'pxen.nameservers': network.nameservers.join(',') }),
    'pxen.domain': network.domain,
    'pxen.host': host.name,
  };
}

/** Xen takes the last of repeated arguments, so the host's spec overrules the image. */
function xenArguments({ host, manifest, extra }: Omit<BootScriptInputs, 'token'>): string {
  const memory = `${Math.floor(host.reserve.memoryBytes / (1 << 20))}M`;
  const cpus = Math.max(1, Math.ceil(host.reserve.cpus));
  return words(manifest.xenArguments, `dom0_mem=${memory},max:${memory} dom0_max_vcpus=${cpus}`, extra?.xen);
}

function kernelArguments({ manifest, extra }: Omit<BootScriptInputs, 'token'>): string {
  return words(manifest.kernelArguments, extra?.kernel);
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
